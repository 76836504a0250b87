"""The watchdog: a worker that is stuck ends, one that has nothing to do does not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from faust.types import TP

from streams.errors import EngineError
from streams.lane import Reading
from streams.progress import Position
from streams.watchdog import Watchdog

CLICKS = TP("clickstream", 0)


@dataclass
class Log:
    """What the watchdog asks of Faust's consumer: a log of so many records."""

    end: int
    silent: bool = False
    asked: list[TP] = field(default_factory=list)

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        """Offsets of the next records."""
        self.asked += tps
        if self.silent:
            raise TimeoutError
        return dict.fromkeys(tps, self.end)


def watch(log: Log, processed: int, *running: Reading, seconds: float = 3.5) -> None:
    """Watch a worker with a patience of one second for a few seconds; it has one partition, or none."""
    positions = {CLICKS: Position(processed, 0)}
    watchdog = Watchdog(log, positions, lambda: dict(zip([CLICKS], running, strict=False)), 1.0)

    async def watched() -> None:
        await asyncio.wait_for(watchdog.watch_for_ever(), seconds)

    asyncio.run(watched())


def test_no_progress_although_there_is_more() -> None:
    with pytest.raises(EngineError, match=r"Nothing was processed .* clickstream-0 has more"):
        watch(Log(end=10), 5, Reading(5, 5))


def test_a_topic_that_ends_before_what_was_processed_of_it() -> None:
    """It was deleted and created again, and what comes in is taken for what was there before."""
    with pytest.raises(EngineError, match="clickstream-0"):
        watch(Log(end=3), 5, Reading(5, 5))


def test_a_kafka_that_is_not_heard_of() -> None:
    with pytest.raises(EngineError, match="Kafka has not answered"):
        watch(Log(end=10, silent=True), 10, Reading(10, 10))


def test_a_worker_that_is_not_let_into_the_group() -> None:
    watchdog = Watchdog(Log(end=10), {}, dict, 1.0, has_joined=lambda: False)
    with pytest.raises(EngineError, match="has not let this worker into its group"):
        asyncio.run(asyncio.wait_for(watchdog.watch_for_ever(), 3.5))


@pytest.mark.parametrize(
    "reading", [Reading(5, 5), Reading(5, 9), Reading(9, 9)], ids=["nothing came", "marks only", "it hangs"]
)
def test_what_was_lost_on_its_way_or_is_not_processed_is_missed(reading: Reading) -> None:
    with pytest.raises(EngineError, match="clickstream-0 has more"):
        watch(Log(end=10), 5, reading)


@pytest.mark.parametrize(
    ("end", "running"),
    [
        (5, [Reading(5, 5)]),
        (6, [Reading(5, 6)]),  # the last offset is a mark of Kafka's own
        (10, []),  # no partition, or all of them stopped
    ],
    ids=["caught up", "transaction marks", "nothing to do"],
)
def test_a_worker_that_is_well_goes_on(end: int, running: list[Reading]) -> None:
    with pytest.raises(TimeoutError):
        watch(Log(end), 5, *running)


@pytest.mark.parametrize("other", [TP("clickstream", 1), TP("covisits", 0)])
def test_a_partition_that_stands_still_is_not_excused_by_another_one_that_moves(other: TP) -> None:
    with pytest.raises(EngineError, match="clickstream-0 has more"):
        watch_beside(other)


def test_a_topic_whose_turn_is_later_than_that_of_the_other_is_waited_for() -> None:
    """A backlog of clicks that are older than the first purchase: they share a state, and go on in order of time."""
    with pytest.raises(TimeoutError):
        watch_beside(TP("purchases", 0))


def watch_beside(other: TP) -> None:
    """Watch a partition that stands still beside one that moves."""
    positions = {CLICKS: Position(5, 0), other: Position(0, 0)}
    watchdog = Watchdog(Log(end=1000), positions, lambda: {CLICKS: Reading(5, 5), other: Reading(0, 0)}, 1.0)

    async def move() -> None:
        for n in range(100):
            positions[other] = Position(n, 0)
            await asyncio.sleep(0.05)

    async def watched() -> None:
        moving = asyncio.create_task(move())
        try:
            await asyncio.wait_for(watchdog.watch_for_ever(), 3.5)
        finally:
            moving.cancel()

    asyncio.run(watched())
