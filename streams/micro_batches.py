"""The one loop of the engine: a micro-batch of one partition is folded, its outputs go out, its offset moves on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from faust.types import TP

from streams.counters import Counters
from streams.decoding import Record
from streams.flood_guard import FloodGuard
from streams.outputs import Outputs
from streams.progress import Progress
from streams.publisher import Publisher
from streams.settings import Settings


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

    async def fold(self, topic: str, partition: int, records: Sequence[Record]) -> Outputs:
        """Fold records into the partition's state, in order, and say what follows from them."""


class MicroBatchLoop:
    """Runs an agent over the deliveries of its stream.

    For each micro-batch of one partition: drop what the state has already seen, fold, publish, and only then move
    the position on. An error is not caught here: the worker exits and another one continues at the position.
    """

    def __init__(
        self, agent: Agent, settings: Settings, publisher: Publisher, progress: Progress, counters: Counters
    ) -> None:
        self.agent = agent
        self.settings = settings
        self.publisher = publisher
        self.progress = progress
        self.counters = counters
        self.generation = -1
        self.stopped: dict[TP, str] = {}
        self._open: set[int] = set()
        self._guards: dict[TP, FloodGuard] = {}

    async def assign(self, tps: set[TP], generation: int) -> None:
        """Own exactly these partitions from now on, as this generation of the group."""
        partitions = {tp.partition for tp in tps if tp.topic in self.agent.topics}
        for partition in self._open - partitions:
            self.agent.close(partition)
            self.progress.forget(TP(topic, partition) for topic in self.agent.topics)
        self.generation = generation
        for partition in sorted(partitions):
            await self.publisher.claim(self._owner(partition), generation)
            if partition not in self._open:
                self.agent.open(partition)
        self._open = partitions

    async def run(self, stream: Any) -> None:
        """Process the deliveries of a Faust stream for ever."""
        async for delivery in stream.events():
            tp = TP(delivery.message.topic, delivery.message.partition)
            if tp.partition in self._open and tp not in self.stopped:
                await self._process(tp, delivery.value)
                await asyncio.sleep(0)  # heartbeats and timers get their turn while a backlog is drained

    async def _process(self, tp: TP, records: Sequence[Record]) -> None:
        position = self.progress.positions.get(tp)
        if position is not None and records[0].offset < position.next_offset:
            records = [record for record in records if record.offset >= position.next_offset]
            if not records:
                return
        rejected = self.counters.rejected.total()
        outputs = await self.agent.fold(tp.topic, tp.partition, records)
        await self.publisher.publish(outputs, self._owner(tp.partition), self.generation)
        # (Checkpoints: the place where a batch is folded and out, and a new checkpoint may begin.)
        self.progress.advance(tp, records[-1].offset + 1, records[-1].timestamp)
        if tp.topic in ("clickstream", "purchases"):
            produced = np.fromiter((record.timestamp for record in records), np.int64, len(records))
            self.counters.count_freshness(produced, time.time() * 1000)
            self._watch_for_flood(tp, len(records), self.counters.rejected.total() - rejected)

    def _watch_for_flood(self, tp: TP, records: int, rejected: int) -> None:
        settings = self.settings
        guard = self._guards.setdefault(tp, FloodGuard(settings.rejection_window_events, settings.max_rejected_share))
        if guard.is_flooded(records, rejected):
            self.stopped[tp] = (
                f"{tp.topic}-{tp.partition} is stopped: {guard.rejected} of its last {guard.records} records were "
                "rejected; see topic rejected for the reasons, mend the producer, and restart the worker."
            )

    def _owner(self, partition: int) -> str:
        return f"{self.agent.name}:{partition}"
