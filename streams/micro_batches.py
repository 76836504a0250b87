"""The one loop of the engine: a micro-batch of one partition is folded, its outputs go out, its offset moves on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
from faust.types import TP

from streams.counters import Counters
from streams.decoding import Record
from streams.flood_guard import FloodGuard
from streams.lane import Entry, Flow, Lane, RunTask
from streams.outputs import Outputs
from streams.progress import Progress
from streams.publisher import Publisher
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES

#: What websites publish; the other topics are between agents.
SHOP_TOPICS: Final = (CLICKSTREAM, PURCHASES)


class Agent(Protocol):
    """What differs between the agents: which topics, which state, which fold.

    Attributes
    ----------
    name
        As in keys and messages.
    topics
        What it reads; the same partition of all of them shares one state.
    """

    @property
    def name(self) -> str: ...

    @property
    def topics(self) -> tuple[str, ...]: ...

    def open(self, partition: int) -> None:
        """Begin to own a partition: make its state ready."""

    def close(self, partition: int) -> None:
        """Cease to own a partition: let go of its state."""

    def read(self, records: Sequence[Record]) -> list[Entry]:
        """What records say, one entry for each; nothing is folded yet."""

    async def fold(self, partition: int, entries: Sequence[Entry]) -> Outputs:
        """Fold entries of any of the topics into the partition's state, in order; say what follows from them."""

    def is_unfinished(self, partition: int) -> bool:
        """Whether another fold, even of nothing, would have something to say in a while."""


class MicroBatchLoop:
    """Runs an agent over the deliveries of its stream, each partition in a lane of its own.

    For each micro-batch of one partition: fold, publish, and only then move the position on. While one partition
    waits for Redis or Kafka, the others go on. An error is not caught here: the worker exits and another one
    continues at the position.

    Parameters
    ----------
    flow, run_task
        See `streams.lane.Lane`.
    """

    def __init__(
        self,
        agent: Agent,
        settings: Settings,
        publisher: Publisher,
        progress: Progress,
        counters: Counters,
        flow: Flow,
        run_task: RunTask,
    ) -> None:
        self.agent = agent
        self.settings = settings
        self.publisher = publisher
        self.progress = progress
        self.counters = counters
        self.generation = -1
        self.stopped: dict[TP, str] = {}
        self.flow = flow
        self.run_task = run_task
        self._lanes: dict[int, Lane] = {}
        self._guards: dict[int, FloodGuard] = {}

    @property
    def owned(self) -> set[int]:
        """The partitions this worker owns."""
        return set(self._lanes)

    async def assign(self, starts: Mapping[TP, int], generation: int) -> None:
        """Own exactly these partitions from now on, as this generation of the group.

        `starts` says where reading begins in partitions that were not owned before.
        """
        partitions = {tp.partition for tp in starts if tp.topic in self.agent.topics}
        for partition in self.owned - partitions:
            await self._lanes.pop(partition).finish()
            self.agent.close(partition)
            self.progress.forget(TP(topic, partition) for topic in self.agent.topics)
        self.generation = generation
        for partition in sorted(partitions):
            await self.publisher.claim(self._owner(partition), generation)
            if partition not in self._lanes:
                self._open(partition, starts)

    def _open(self, partition: int, starts: Mapping[TP, int]) -> None:
        self.agent.open(partition)
        inlets = {tp: offset for tp, offset in starts.items() if self._is_ours(tp, partition)}
        for tp, offset in inlets.items():
            self.progress.advance(tp, offset, 0)
        self._lanes[partition] = Lane(
            inlets,
            partial(self._process, partition),
            partial(self.agent.is_unfinished, partition),
            self.flow,
            self.run_task,
        )

    def _is_ours(self, tp: TP, partition: int) -> bool:
        return tp.topic in self.agent.topics and tp.partition == partition

    async def run(self, stream: Any) -> None:
        """Hand the deliveries of a Faust stream to their partitions, for ever."""
        async for delivery in stream.events():
            tp = TP(delivery.message.topic, delivery.message.partition)
            lane = self._lanes.get(tp.partition)
            if lane is not None and tp not in self.stopped:
                lane.put(tp, self.agent.read(delivery.value))

    async def _process(self, partition: int, entries: Sequence[Entry]) -> None:
        entries = [entry for entry in entries if TP(entry.record.topic, partition) not in self.stopped]
        outputs = await self.agent.fold(partition, entries)
        visible_ms = await self.publisher.publish(outputs, self._owner(partition), self.generation)
        # (Checkpoints: the place where a batch is folded and out, and a new checkpoint may begin.)
        for record in {entry.record.topic: entry.record for entry in entries}.values():  # the last one of each topic
            self.progress.advance(TP(record.topic, partition), record.offset + 1, record.timestamp)
        if entries and self.agent.topics == SHOP_TOPICS:
            produced = np.fromiter((entry.record.timestamp for entry in entries), np.int64, len(entries))
            self.counters.count_freshness(produced, visible_ms)
            self._watch_for_flood(partition, len(entries), outputs.rejected)

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
            self.stopped.update({TP(topic, partition): complaint for topic in self.agent.topics})

    def _owner(self, partition: int) -> str:
        return f"{self.agent.name}:{partition}"
