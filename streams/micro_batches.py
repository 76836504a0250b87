"""The one loop of the engine: a micro-batch of one partition is folded, its outputs go out, its offset moves on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from faust.types import TP

from streams.agent import Agent
from streams.counters import Counters
from streams.flood_guard import FloodGuard
from streams.lane import Flow, Lane, RunTask
from streams.owner import Owner
from streams.ownership import Ownership
from streams.portion import Portion
from streams.record_batches import RecordBatch, columns
from streams.rounds import Rounds
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES

log = logging.getLogger("upwell")

#: What websites publish; the other topics are between agents.
SHOP_TOPICS: Final = (CLICKSTREAM, PURCHASES)
#: How often an idle partition looks whether Redis still has its values.
_LOOK_SECONDS: Final = 3.0


class MicroBatchLoop:
    """Runs an agent over the deliveries of its stream, each partition in a lane of its own.

    For each micro-batch of one partition: fold, publish, and only then move the position on; now and then a
    checkpoint. While one partition waits for Redis or Kafka, the others go on. An error is not caught here: the worker
    exits and another one continues at the newest checkpoint.

    Parameters
    ----------
    ownership
        Opens and closes partitions.
    flow, run_task, rounds
        See `streams.lane.Lane`.
    """

    def __init__(
        self,
        agent: Agent,
        settings: Settings,
        ownership: Ownership,
        counters: Counters,
        flow: Flow,
        run_task: RunTask,
        rounds: Rounds,
    ) -> None:
        self.agent = agent
        self.settings = settings
        self.ownership = ownership
        self.counters = counters
        self.stopped: dict[TP, str] = {}
        self.flow = flow
        self.run_task = run_task
        self.rounds = rounds
        self._lanes: dict[int, Lane] = {}
        self._guards: dict[int, FloodGuard] = {}

    @property
    def owned(self) -> set[int]:
        """The partitions this worker owns."""
        return set(self._lanes)

    def begin(self, owner: Owner) -> None:
        """Start to process a partition that is open."""
        partition = owner.partition
        self._lanes[partition] = Lane(
            owner.offsets(),
            partial(self._process, owner),
            partial(self._pause, owner),
            self.flow,
            self.run_task,
            self.rounds,
        )

    async def end(self) -> None:
        """Finish the micro-batches in hand, and process no more."""
        lanes, self._lanes = self._lanes, {}
        await asyncio.gather(*(lane.finish() for lane in lanes.values()))

    def expected(self) -> dict[TP, int]:
        """Where reading goes on in every partition."""
        return {
            TP(topic, partition): lane.expected(TP(topic, partition))
            for partition, lane in self._lanes.items()
            for topic in self.agent.topics
        }

    async def run(self, stream: Any) -> None:
        """Hand the deliveries of a Faust stream to their partitions, for ever."""
        async for delivery in stream.events():
            await self._put(delivery.value)

    async def _put(self, parts: Sequence[Sequence[RecordBatch]]) -> None:
        """Read records of several partitions of a topic at once, and hand each partition its own."""
        wanted = [(lane, part) for part in parts if (lane := await self._lane_for(part[0])) is not None]
        if not wanted:
            return
        records, counts = columns([batch for _, part in wanted for batch in part])
        if not len(records):
            return
        read = self.agent.read(records)
        ends = np.cumsum(counts)[np.cumsum([len(part) for _, part in wanted]) - 1].tolist()
        for (lane, part), start, end in zip(wanted, [0, *ends[:-1]], ends, strict=True):
            tp = TP(part[0].topic, part[0].partition)
            # A lane that began since it was looked up wants what is before this, and will get it all from Kafka.
            if self._lanes.get(tp.partition) is lane and end > start:
                lane.put(tp, read.chosen(slice(start, end)) if len(wanted) > 1 else read)

    async def _lane_for(self, first: RecordBatch) -> Lane | None:
        """The lane of the records that begin with this one; None if their partition is not processed here."""
        tp = TP(first.topic, first.partition)
        lane = self._lanes.get(tp.partition)
        if lane is None or tp in self.stopped:
            return None
        if first.offset > lane.expected(tp):
            await self._account_for_hole(lane, tp, first.offset)
        return lane

    async def _account_for_hole(self, lane: Lane, tp: TP, first: int) -> None:
        """Offsets are missing: Kafka's own marks, which say nothing, or records that retention deleted too early."""
        expected = lane.expected(tp)
        earliest = await self.ownership.earliest(tp)
        if earliest > expected:
            await self.ownership.report_loss(self.agent, tp, range(expected, min(earliest, first)))
        lane.skip_to(tp, first)

    async def _process(self, owner: Owner, portion: Portion[Any] | None) -> None:
        if any(tp in self.stopped for tp in owner.tps):
            portion = None
        outputs = await self.agent.fold(owner.partition, portion)
        visible_ms = await owner.publish(outputs, portion)
        if portion is not None and self.agent.topics == SHOP_TOPICS:
            self.counters.count_freshness(portion.timestamp, visible_ms)
            self._watch_for_flood(owner.partition, len(portion), outputs.rejected)
        await owner.repair()
        owner.checkpoint_if_due()

    def _pause(self, owner: Owner) -> float:
        return min(self.agent.pause(owner.partition), _LOOK_SECONDS) if owner.is_whole else 0.0

    def _watch_for_flood(self, partition: int, records: int, rejected: int) -> None:
        """Stop a partition of which too much is rejected: all its topics, for they share one state."""
        settings = self.settings
        guard = self._guards.setdefault(
            partition, FloodGuard(settings.rejection_window_events, settings.max_rejected_share)
        )
        if guard.is_flooded(records, rejected):
            topics = " and ".join(self.agent.topics)
            complaint = (
                f"Partition {partition} of {topics} is stopped: {guard.rejected} of its last {guard.records} records "
                "were rejected; see topic rejected for the reasons, mend the producer, and restart the worker."
            )
            log.error("%s", complaint)
            self.stopped.update({TP(topic, partition): complaint for topic in self.agent.topics})
