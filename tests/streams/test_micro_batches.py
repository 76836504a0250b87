"""Deliveries find their partitions, whatever happens to the partitions meanwhile."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from faust.types import TP

from online_models.shown import Quality
from online_models.vocabulary import Vocabulary
from streams import blocks, micro_batches
from streams.counters import Counters
from streams.lane import Reading
from streams.micro_batches import MicroBatchLoop
from streams.outputs import Outputs
from streams.portion import Portion
from streams.publisher import Step
from streams.record_batches import RecordBatch
from streams.records import Records
from streams.settings import Settings

TOPIC = "examples"


class Agent:
    """Remembers which partitions it was given at once, and with how many records; None is an idle one."""

    name = "learner"
    topics = (TOPIC,)

    def __init__(self) -> None:
        self.turns: list[dict[int, int | None]] = []
        self.pauses: dict[int, float] = {}

    def read(self, records: Records) -> Portion[Any]:
        return Portion.of(0, records, records.timestamp, blocks.Blocks([]))

    async def fold(self, portions: Mapping[int, Portion[Any] | None]) -> dict[int, Outputs]:
        self.turns.append({p: None if portion is None else len(portion) for p, portion in portions.items()})
        return {partition: Outputs() for partition in portions}

    def due(self, partition: int) -> float:
        return time.monotonic() + self.pauses.get(partition, math.inf)


class Owner:
    """Notes the offsets of what is processed."""

    due = math.inf
    is_torn = False

    def __init__(self, partition: int, start: int) -> None:
        self.partition = partition
        self.tps = [TP(TOPIC, partition)]
        self.start = start
        self.done: list[int] = []

    def offsets(self) -> dict[TP, int]:
        return {self.tps[0]: self.start}

    def step(self, outputs: Outputs, portion: Portion[Any] | None) -> Step:
        return Step(f"learner:{self.partition}", outputs, () if portion is None else tuple(portion.offset.tolist()))

    def note(self, step: Step) -> None:
        self.done += step.reached or ()

    async def repair(self) -> None:
        pass

    def checkpoint_if_due(self) -> None:
        pass


class Publisher:
    """Takes its time."""

    seconds = 0.0

    async def publish(self, steps: Sequence[Step]) -> float:
        await asyncio.sleep(self.seconds)
        return 0.0


class Ownership:
    """Asks Kafka for the first offset there is, which takes its time: `meanwhile` happens."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.publisher = Publisher()
        self.first = 0
        self.losses: list[range] = []

    async def earliest(self, tp: TP) -> int:
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.first

    def note_loss(self, agent: Any, tp: TP, gone: range) -> None:
        self.losses.append(gone)


class Flow:
    """All that there is has been fetched; notes what it is told of turns, and of a backlog, but not twice the same."""

    def __init__(self) -> None:
        self.backlogs: list[bool] = []
        self.turn_seconds: list[float] = []
        self.sought: list[tuple[TP, int]] = []

    def highwater(self, tp: TP) -> int | None:
        return 0

    def on_buffer_full(self, tp: TP) -> None:
        pass

    def on_buffer_drop(self, tp: TP) -> None:
        pass

    async def seek(self, partition: TP, offset: int) -> None:
        self.sought.append((partition, offset))

    def set_backlog(self, has_backlog: bool) -> None:
        self.backlogs += [has_backlog] if self.backlogs[-1:] != [has_backlog] else []

    def set_turn_seconds(self, seconds: float) -> None:
        self.turn_seconds.append(seconds)


def a_batch(partition: int, first: int, length: int, topic: str = TOPIC) -> RecordBatch:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for n in range(length):
        builder.append(n, 1_700_000_000_000, b"key", b"value", [])
    payload = bytes(builder.build())[61:]
    return RecordBatch(topic, partition, first, first + length, first, 1_700_000_000_000, -1, length, payload)


def a_loop(ownership: Ownership) -> Any:
    counters = Counters(Quality(Vocabulary()))
    shared: tuple[Any, ...] = (ownership, counters, Flow(), asyncio.create_task)
    return MicroBatchLoop(cast(Any, Agent()), Settings(), *shared)


async def _settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_partitions_of_a_delivery_get_their_own() -> None:
    async def run() -> list[list[int]]:
        loop, owners = a_loop(Ownership()), [Owner(0, 5), Owner(1, 0)]
        for owner in owners:
            loop.begin(owner)
        await loop._put([[a_batch(0, 5, 2), a_batch(0, 7, 1)], [a_batch(2, 0, 1)], [a_batch(1, 0, 2)]])
        await _settled()
        await loop.end()
        return [owner.done for owner in owners]

    assert asyncio.run(run()) == [[5, 6, 7], [0, 1]]


def test_a_delivery_from_before_a_rebalance_leaves_no_hole_behind_it() -> None:
    """The partitions are given out again, and begin at an earlier offset, while Kafka is asked about a gap."""

    async def run() -> list[list[int]]:
        ownership, before, after = Ownership(), [Owner(0, 5), Owner(1, 0)], [Owner(0, 3), Owner(1, 0)]
        loop = a_loop(ownership)
        for owner in before:
            loop.begin(owner)

        async def rebalance() -> None:
            ownership.meanwhile = None
            await loop.end()
            for owner in after:
                loop.begin(owner)

        ownership.first, ownership.meanwhile = 2, rebalance
        await loop._put([[a_batch(0, 5, 2)], [a_batch(1, 2, 1)]])  # what lay between 0 and 2 was deleted
        await loop._put([[a_batch(0, 3, 4)]])  # what Kafka gives from where partition 0 begins now
        await _settled()
        await loop.end()
        return [owner.done for owner in after]

    assert asyncio.run(run())[0] == [3, 4, 5, 6]


def test_a_hole_is_not_charged_to_a_partition_that_is_gone_by_the_time_kafka_answers() -> None:
    async def run() -> list[range]:
        ownership = Ownership()
        loop = a_loop(ownership)
        loop.begin(Owner(0, 5))
        ownership.first, ownership.meanwhile = 9, loop.end
        await loop._put([[a_batch(0, 9, 2)]])
        return ownership.losses

    assert asyncio.run(run()) == []


def test_where_kafka_put_marks_of_its_own_nothing_is_missing() -> None:
    async def run() -> tuple[int, list[int], Reading, list[Any]]:
        loop, owner = a_loop(Ownership()), Owner(0, 3)
        loop.begin(owner)
        mark = RecordBatch(TOPIC, 0, 3, 5, 4, 0, -1, 0, b"")
        await loop._put([[mark]])
        at_the_mark = loop.expected()[TP(TOPIC, 0)]
        await loop._put([[a_batch(0, 5, 2), RecordBatch(TOPIC, 0, 7, 8, 7, 0, -1, 0, b"")]])
        behind_it = loop.running()[TP(TOPIC, 0)]
        await _settled()
        await loop.end()
        return at_the_mark, owner.done, behind_it, loop.flow.sought

    assert asyncio.run(run()) == (5, [5, 6], Reading(7, 8), [])


def test_what_did_not_arrive_is_fetched_again_and_nothing_overtakes_it() -> None:
    """First what Faust may have dropped, then what retention deleted of it meanwhile."""

    async def run() -> tuple[list[Any], list[int], list[range]]:
        ownership, owner = Ownership(), Owner(0, 5)
        loop = a_loop(ownership)
        loop.begin(owner)
        await loop._put([[a_batch(0, 8, 2)]])
        ownership.first = 6
        await loop._put([[a_batch(0, 8, 2)]])
        await loop._put([[a_batch(0, 6, 2)]])
        await loop._put([[a_batch(0, 7, 3)]])
        await _settled()
        await loop.end()
        return loop.flow.sought, owner.done, ownership.losses

    tp = TP(TOPIC, 0)
    assert asyncio.run(run()) == ([(tp, 5), (tp, 6)], [6, 7, 8, 9], [range(5, 6)])


def test_topics_of_a_delivery_are_all_there_before_a_turn_begins() -> None:
    async def run() -> list[dict[int, int | None]]:
        loop, owner = a_loop(Ownership()), Owner(0, 0)
        loop.agent.topics = ("other", TOPIC)
        owner.tps = [TP(topic, 0) for topic in loop.agent.topics]
        owner.offsets = lambda: dict.fromkeys(owner.tps, 0)  # type: ignore[method-assign]
        loop.begin(owner)
        await loop._put([[a_batch(0, 0, 1, "other")], [a_batch(0, 0, 2)]])
        await _settled()
        await loop.end()
        turns: list[dict[int, int | None]] = loop.agent.turns
        return turns

    assert asyncio.run(run()) == [{0: 3}]


def test_why_a_partition_was_stopped_is_forgotten_when_others_own_it() -> None:
    async def run() -> dict[TP, str]:
        loop = a_loop(Ownership())
        loop.stopped = {TP(TOPIC, 0): "a flood", TP(TOPIC, 1): "a flood"}
        loop.let_go({TP(TOPIC, 1), TP(TOPIC, 2)})
        return dict(loop.stopped)

    assert asyncio.run(run()) == {TP(TOPIC, 1): "a flood"}


def test_partitions_that_have_something_go_together_and_what_comes_meanwhile_goes_next() -> None:
    async def run() -> list[dict[int, int | None]]:
        loop = a_loop(Ownership())
        for partition in range(3):
            loop.begin(Owner(partition, 0))
        await loop._put([[a_batch(0, 0, 2)], [a_batch(2, 0, 1)]])
        await asyncio.sleep(0)  # the turn has begun
        await loop._put([[a_batch(0, 2, 3)]])
        await loop._put([[a_batch(1, 0, 4)]])
        await _settled()
        await loop.end()
        turns: list[dict[int, int | None]] = loop.agent.turns
        return turns

    assert asyncio.run(run()) == [{0: 2, 2: 1}, {0: 3, 1: 4}]


def test_where_a_turn_is_full_the_next_one_begins_with_those_that_were_left_out() -> None:
    async def run() -> list[dict[int, int | None]]:
        loop = a_loop(Ownership())
        for partition in range(3):
            loop.begin(Owner(partition, 0))
        await loop._put([[a_batch(0, 0, 17)], [a_batch(1, 0, 3)], [a_batch(2, 0, 2)]])
        await _settled()
        await loop.end()
        turns: list[dict[int, int | None]] = loop.agent.turns
        return turns

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(micro_batches, "LARGEST_TURN", 8)
        assert asyncio.run(run()) == [{0: 8}, {1: 3, 2: 2, 0: 3}, {0: 6}]


@pytest.mark.parametrize(("partitions", "most"), [(1, 12), (2, 6), (3, 5), (4, 5)])
def test_the_fewer_partitions_there_are_the_more_of_each_goes_into_a_turn(partitions: int, most: int) -> None:
    async def run() -> list[dict[int, int | None]]:
        loop = a_loop(Ownership())
        for partition in range(partitions):
            loop.begin(Owner(partition, 0))
        await loop._put([[a_batch(partition, 0, 13)] for partition in range(partitions)])
        await _settled()
        await loop.end()
        turns: list[dict[int, int | None]] = loop.agent.turns
        return turns

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(micro_batches, "_LARGE_TURN", 12)
        patch.setattr(micro_batches, "LARGEST_DELIVERY", 5)
        assert asyncio.run(run())[0] == dict.fromkeys(range(partitions), most)


@pytest.mark.parametrize(("is_shops", "told"), [(True, [False, True, False]), (False, [])])
def test_the_consumer_is_told_while_shops_have_published_as_much_as_a_delivery(
    is_shops: bool, told: list[bool]
) -> None:
    async def run() -> list[bool]:
        loop = a_loop(Ownership())
        for partition in range(2):
            loop.begin(Owner(partition, 0))
        await loop._put([[a_batch(0, 0, 2)], [a_batch(1, 0, 1)]])
        await _settled()
        await loop._put([[a_batch(0, 2, 6)], [a_batch(1, 1, 2)]])
        await _settled()
        await loop.end()
        backlogs: list[bool] = loop.flow.backlogs
        assert len(loop.flow.turn_seconds) == (2 if is_shops else 0)
        assert all(0 < seconds < 10 for seconds in loop.flow.turn_seconds)
        return backlogs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(micro_batches, "LARGEST_DELIVERY", 8)
        if is_shops:
            patch.setattr(micro_batches, "SHOP_TOPICS", (TOPIC,))
        assert asyncio.run(run()) == told


def test_an_end_in_the_midst_of_a_backlog_is_the_end_of_it() -> None:
    async def run() -> list[bool]:
        loop = a_loop(Ownership())
        loop.begin(Owner(0, 0))
        await loop._put([[a_batch(0, 0, 9)]])
        await asyncio.sleep(0)  # the turn has begun
        await loop.end()
        backlogs: list[bool] = loop.flow.backlogs
        return backlogs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(micro_batches, "LARGEST_DELIVERY", 8)
        patch.setattr(micro_batches, "SHOP_TOPICS", (TOPIC,))
        assert asyncio.run(run()) == [True, False]


def test_who_is_idle_is_asked_when_it_is_due_and_not_before() -> None:
    async def run() -> list[dict[int, int | None]]:
        loop = a_loop(Ownership())
        loop.agent.pauses = {0: 0.02}
        for partition in range(2):
            loop.begin(Owner(partition, 0))
        await asyncio.sleep(0.01)
        assert loop.agent.turns == []
        loop.agent.pauses = {}
        await asyncio.sleep(0.03)
        await loop.end()
        turns: list[dict[int, int | None]] = loop.agent.turns
        return turns

    assert asyncio.run(run()) == [{0: None}]


def test_what_arrives_while_redis_is_repaired_does_not_wait_for_it() -> None:
    async def run() -> tuple[list[int], int]:
        loop, broken, whole = a_loop(Ownership()), Owner(0, 0), Owner(1, 0)
        broken.due = -math.inf
        for owner in (broken, whole):
            loop.begin(owner)
        await _settled()
        turns = len(loop.agent.turns)
        await loop._put([[a_batch(1, 0, 2)], [a_batch(0, 0, 1)]])
        await _settled()
        await loop.end()
        assert broken.done == [0]
        return whole.done, turns

    done, turns = asyncio.run(run())
    assert done == [0, 1]
    assert turns > 1  # again and again, without a pause


def test_an_end_waits_for_what_is_in_hand_and_drops_the_rest() -> None:
    async def run() -> list[int]:
        loop, owner = a_loop(Ownership()), Owner(0, 0)
        loop.ownership.publisher.seconds = 0.01
        loop.begin(owner)
        await loop._put([[a_batch(0, 0, 2)]])
        await asyncio.sleep(0)
        await loop._put([[a_batch(0, 2, 2)]])
        await loop.end()
        assert loop.owned == set()
        done = list(owner.done)
        await asyncio.sleep(0.03)
        assert owner.done == done
        return done

    assert asyncio.run(run()) == [0, 1]


def test_records_that_wait_for_another_topic_are_looked_at_again_though_nothing_comes_in() -> None:
    """Of the other topic Kafka may be known to have more only for a moment: a fetch that returns with nothing."""

    async def run() -> list[int]:
        loop, owner = a_loop(Ownership()), Owner(0, 0)
        loop.agent.topics = ("other", TOPIC)
        owner.tps = [TP("other", 0), TP(TOPIC, 0)]
        ends = {TP("other", 0): 1, TP(TOPIC, 0): 2}
        loop.flow.highwater = ends.get
        owner.offsets = lambda: dict.fromkeys(owner.tps, 0)  # type: ignore[method-assign]
        loop.begin(owner)
        await loop._put([[a_batch(0, 0, 2)]])
        await asyncio.sleep(0.03)
        assert owner.done == []
        ends[TP("other", 0)] = 0
        await asyncio.sleep(0.1)
        await loop.end()
        return owner.done

    assert asyncio.run(run()) == [0, 1]


def test_a_partition_that_is_due_and_waits_for_its_other_topic_lets_the_processor_rest() -> None:
    async def run() -> int:
        loop, owner, looks = a_loop(Ownership()), Owner(0, 0), 0
        owner.tps = [TP(TOPIC, 0), TP("late", 0)]
        owner.offsets = lambda: dict.fromkeys(owner.tps, 0)  # type: ignore[method-assign]
        loop.agent.pauses[0] = -1.0
        loop.flow.highwater = lambda tp: 9
        turn = loop._turn

        def counted() -> Any:
            nonlocal looks
            looks += 1
            return turn()

        loop.begin(owner)
        await loop._put([[a_batch(0, 0, 2)]])
        loop._turn = counted
        await asyncio.sleep(0.1)
        await loop.end()
        return looks

    assert 2 <= asyncio.run(run()) <= 20  # 5 ms to the second one, then 10, 20 and 40
