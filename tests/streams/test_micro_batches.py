"""Deliveries find their partitions, whatever happens to the partitions meanwhile."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from faust.types import TP

from online_models.shown import Quality
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.counters import Counters
from streams.micro_batches import MicroBatchLoop
from streams.outputs import Outputs
from streams.portion import Portion
from streams.record_batches import RecordBatch
from streams.records import Records
from streams.rounds import Rounds
from streams.settings import Settings

TOPIC = "examples"


class Agent:
    """Remembers nothing."""

    name = "learner"
    topics = (TOPIC,)

    def read(self, records: Records) -> Portion[Any]:
        return Portion.of(0, records, records.timestamp, blocks.Blocks([]))

    async def fold(self, partition: int, portion: Portion[Any] | None) -> Outputs:
        return Outputs()

    def pause(self, partition: int) -> float:
        return math.inf


class Owner:
    """Notes the offsets of what is processed."""

    is_whole = True

    def __init__(self, partition: int, start: int) -> None:
        self.partition = partition
        self.tps = [TP(TOPIC, partition)]
        self.start = start
        self.done: list[int] = []

    def offsets(self) -> dict[TP, int]:
        return {self.tps[0]: self.start}

    async def publish(self, outputs: Outputs, portion: Portion[Any] | None) -> float:
        self.done += [] if portion is None else portion.offset.tolist()
        return 0.0

    async def repair(self) -> None:
        pass

    def checkpoint_if_due(self) -> None:
        pass


class Ownership:
    """Asks Kafka for the first offset there is, which takes its time: `meanwhile` happens."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def earliest(self, tp: TP) -> int:
        if self.meanwhile is not None:
            await self.meanwhile()
        return 0


class Flow:
    """All that there is has been fetched."""

    def highwater(self, tp: TP) -> int | None:
        return 0

    def on_buffer_full(self, tp: TP) -> None:
        pass

    def on_buffer_drop(self, tp: TP) -> None:
        pass


def a_batch(partition: int, first: int, length: int) -> RecordBatch:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for n in range(length):
        builder.append(n, 1_700_000_000_000, b"key", b"value", [])
    payload = bytes(builder.build())[61:]
    return RecordBatch(TOPIC, partition, first, first + length, first, 1_700_000_000_000, -1, length, payload)


def a_loop(ownership: Ownership) -> Any:
    counters = Counters(Quality(Vocabulary()))
    shared: tuple[Any, ...] = (ownership, counters, Flow(), asyncio.create_task, Rounds())
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

        ownership.meanwhile = rebalance
        await loop._put([[a_batch(0, 5, 2)], [a_batch(1, 2, 1)]])  # between 0 and 2 there is a mark of Kafka's
        await loop._put([[a_batch(0, 3, 4)]])  # what Kafka gives from where partition 0 begins now
        await _settled()
        await loop.end()
        return [owner.done for owner in after]

    assert asyncio.run(run())[0] == [3, 4, 5, 6]
