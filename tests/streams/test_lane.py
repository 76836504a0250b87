"""Lanes: two topics merged by event time, whatever pieces they arrive in."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from faust.types import TP

from online_models.compiled import Int64s
from streams import lane as lane_module
from streams.delivery import LARGEST_DELIVERY
from streams.lane import Lane
from streams.portion import Portion

CLICKS, PURCHASES = TP("clickstream", 0), TP("purchases", 0)


@dataclass
class Broker:
    """What a lane asks of a consumer: how much there is of each topic, and to hold or resume fetching."""

    ends: dict[TP, int]
    held: set[TP] = field(default_factory=set)

    def highwater(self, tp: TP) -> int | None:
        return self.ends.get(tp)

    def on_buffer_full(self, tp: TP) -> None:
        self.held.add(tp)

    def on_buffer_drop(self, tp: TP) -> None:
        self.held.discard(tp)


@dataclass(frozen=True)
class Nothing:
    """What records say of which only place and time matter."""

    def chosen(self, places: Int64s | slice) -> Nothing:
        return self

    @classmethod
    def joined(cls, parts: Sequence[Nothing]) -> Nothing:
        return cls()


def entries(tp: TP, times: Sequence[int | None]) -> Portion[Nothing]:
    """A topic's records with these times."""
    n = len(times)
    time = np.array([-1 if moment is None else moment for moment in times], np.int64)
    topic = np.full(n, [CLICKS, PURCHASES].index(tp), np.int8)
    return Portion(topic, np.arange(n), np.zeros(n, np.int64), time, Nothing())


Play = Callable[[Lane], Coroutine[Any, Any, None]]


def processed(play: Play, broker: Broker, starts: dict[TP, int], most: int = LARGEST_DELIVERY) -> list[Portion[Any]]:
    """The micro-batches that came out of a lane while `play` fed it."""
    batches: list[Portion[Any]] = []

    async def take(lane: Lane) -> None:
        while True:
            portion = lane.take(most)
            if portion is not None:
                batches.append(portion)
            await asyncio.sleep(0 if portion is not None else min(lane.pause(), 0.001))

    async def run() -> None:
        lane = Lane(starts, broker)
        taking = asyncio.create_task(take(lane))
        await play(lane)
        taking.cancel()

    asyncio.run(run())
    return batches


async def emptied(lane: Lane) -> None:
    """Wait until nothing waits any more, however busy the machine is."""
    async with asyncio.timeout(20):
        while not lane.is_empty:
            await asyncio.sleep(0.01)


def times(batches: list[Portion[Any]]) -> list[int]:
    return [time for batch in batches for time in batch.time.tolist()]


@pytest.mark.parametrize("most", [1, 30, LARGEST_DELIVERY])
@pytest.mark.parametrize("seed", range(5))
def test_a_backlog_of_two_topics_comes_out_in_order_of_time_however_it_arrives(seed: int, most: int) -> None:
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(100_000), 2_000))
    chosen = {moment for moment in moments if chance.random() < 0.1}
    topics = {CLICKS: [m for m in moments if m not in chosen], PURCHASES: sorted(chosen)}

    async def play(lane: Lane) -> None:
        waiting = {tp: entries(tp, topics[tp]) for tp in topics}
        while any(len(portion) for portion in waiting.values()):
            tp = chance.choice([tp for tp in waiting if len(waiting[tp])])
            count = chance.randrange(1, 200)
            lane.put(tp, waiting[tp].chosen(slice(count)))
            waiting[tp] = waiting[tp].chosen(slice(count, None))
            await asyncio.sleep(0.001)
        await emptied(lane)

    batches = processed(play, Broker({tp: len(topics[tp]) for tp in topics}), {CLICKS: 0, PURCHASES: 0}, most)
    assert times(batches) == moments
    assert all(batch.topic.tolist().count(topic) <= most for batch in batches for topic in (0, 1))


def test_no_more_is_taken_at_once_than_is_asked_for_whatever_the_times() -> None:
    async def play(lane: Lane) -> None:
        lane.put(CLICKS, entries(CLICKS, [7] * 10))
        await emptied(lane)

    batches = processed(play, Broker({CLICKS: 10, PURCHASES: 0}), {CLICKS: 0, PURCHASES: 0}, most=4)
    assert [len(batch) for batch in batches] == [4, 4, 2]


def test_nothing_overtakes_a_topic_that_is_known_to_have_more() -> None:
    async def play(lane: Lane) -> None:
        lane.put(CLICKS, entries(CLICKS, [10, 20, 30]))
        await asyncio.sleep(0.1)
        lane.put(PURCHASES, entries(PURCHASES, [15]))
        await asyncio.sleep(0.1)

    batches = processed(play, Broker({CLICKS: 3, PURCHASES: 1}), {CLICKS: 0, PURCHASES: 0})
    assert times(batches) == [10, 15, 20, 30]


def test_a_topic_with_nothing_more_holds_nobody_up() -> None:
    async def play(lane: Lane) -> None:
        lane.put(CLICKS, entries(CLICKS, [10]))
        await asyncio.sleep(0.05)

    assert times(processed(play, Broker({CLICKS: 1, PURCHASES: 7}), {CLICKS: 0, PURCHASES: 7})) == [10]


def test_offsets_with_nothing_behind_them_are_not_waited_for_for_ever() -> None:
    async def play(lane: Lane) -> None:
        lane.put(CLICKS, entries(CLICKS, [10]))
        await asyncio.sleep(2.5)
        lane.put(CLICKS, entries(CLICKS, [10, 20]))  # and not once more
        await asyncio.sleep(0.05)

    assert times(processed(play, Broker({CLICKS: 2, PURCHASES: 8}), {CLICKS: 0, PURCHASES: 7})) == [10, 20]


def test_a_topic_that_was_late_once_is_waited_for_when_it_is_late_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As at every start: clicks are there before the first answer about purchases, of which there are none yet."""
    monkeypatch.setattr(lane_module, "_PATIENCE_SECONDS", 1.0)
    broker = Broker({CLICKS: 1})

    async def play(lane: Lane) -> None:
        lane.put(CLICKS, entries(CLICKS, [10]))
        await asyncio.sleep(0.05)
        broker.ends = {CLICKS: 1, PURCHASES: 0}
        await emptied(lane)
        await asyncio.sleep(1.2)
        broker.ends = {CLICKS: 2, PURCHASES: 1}
        lane.put(CLICKS, entries(CLICKS, [10, 30]))
        await asyncio.sleep(0.1)
        lane.put(PURCHASES, entries(PURCHASES, [20]))
        await emptied(lane)

    assert times(processed(play, broker, {CLICKS: 0, PURCHASES: 0})) == [10, 20, 30]


def test_patience_with_a_topic_is_not_renewed_by_records_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark of Kafka's own at the end of the purchases, and clicks that keep coming."""
    monkeypatch.setattr(lane_module, "_PATIENCE_SECONDS", 0.3)

    async def play(lane: Lane) -> None:
        for n in range(20):
            lane.put(CLICKS, replace(entries(CLICKS, [n]), offset=np.array([n])))
            await asyncio.sleep(0.05)

    assert len(times(processed(play, Broker({CLICKS: 20, PURCHASES: 8}), {CLICKS: 0, PURCHASES: 7}))) > 5


def test_what_was_delivered_before_is_dropped() -> None:
    async def play(lane: Lane) -> None:
        both = entries(CLICKS, [10, 20])
        lane.put(CLICKS, both.chosen(slice(1)))
        lane.put(CLICKS, both)
        await asyncio.sleep(0.02)
        lane.put(CLICKS, both)
        await asyncio.sleep(0.02)

    assert times(processed(play, Broker({CLICKS: 2}), {CLICKS: 0})) == [10, 20]


def test_entries_without_a_time_keep_their_place() -> None:
    async def play(lane: Lane) -> None:
        lane.put(CLICKS, entries(CLICKS, [None, 20, None, 10]))
        await asyncio.sleep(0.02)

    batches = processed(play, Broker({CLICKS: 4, PURCHASES: 0}), {CLICKS: 0, PURCHASES: 0})
    assert [offset for batch in batches for offset in batch.offset.tolist()] == [0, 1, 2, 3]


def test_a_lane_that_is_full_stops_fetching_and_starts_again() -> None:
    broker = Broker({CLICKS: 20_000, PURCHASES: 1})

    async def play(lane: Lane) -> None:
        lane.put(CLICKS, entries(CLICKS, range(20_000)))
        assert broker.held == {CLICKS}
        lane.put(PURCHASES, entries(PURCHASES, [15_000]))
        await asyncio.sleep(0.3)
        assert not broker.held

    out = times(processed(play, broker, {CLICKS: 0, PURCHASES: 0}))
    assert out == sorted([*range(20_000), 15_000])


def test_a_lane_says_when_to_look_again() -> None:
    """Soon at first, then more rarely, for as long as it waits for a topic that has more; never when it is empty."""
    lane = Lane({CLICKS: 0, PURCHASES: 0}, Broker({CLICKS: 1, PURCHASES: 1}))
    assert lane.take() is None
    assert lane.pause() == math.inf
    lane.put(CLICKS, entries(CLICKS, [10]))
    pauses = []
    for _ in range(6):
        assert lane.take() is None
        pauses.append(lane.pause())
    assert 0 < pauses[0] < pauses[1] < pauses[-1] == pauses[-2] < 0.1
    lane.put(CLICKS, entries(CLICKS, [10, 11]))
    assert lane.take() is None
    assert lane.pause() == pauses[0]
    lane.put(PURCHASES, entries(PURCHASES, [20]))
    assert lane.take() is not None


def test_what_the_thread_that_fetches_sees_meanwhile_does_no_harm() -> None:
    """It raises the end of a topic while the lane decides what to take."""

    class Busy(Broker):
        def highwater(self, tp: TP) -> int | None:
            self.ends[PURCHASES] += tp == PURCHASES  # what was complete is not when it is asked again
            return self.ends[tp] - (tp == PURCHASES)

    async def play(lane: Lane) -> None:
        lane.put(CLICKS, entries(CLICKS, [10]))
        await asyncio.sleep(0.05)

    assert times(processed(play, Busy({CLICKS: 1, PURCHASES: 0}), {CLICKS: 0, PURCHASES: 0})) == [10]


def test_a_full_lane_is_held_again_where_faust_has_let_go_of_it() -> None:
    """Faust holds and resumes the same partitions when the queue in front of the lanes is full, and when it is not."""

    async def play(lane: Lane) -> None:
        for expected in (False, True, True):
            n = lane.expected(CLICKS)
            part = entries(CLICKS, [n] * 12_000)
            lane.put(CLICKS, replace(part, offset=part.offset + n))
            assert (CLICKS in broker.held) is expected
            broker.held.clear()

    broker = Broker({CLICKS: 36_000})
    processed(play, broker, {CLICKS: 0})
