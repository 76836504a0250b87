"""The one loop of the engine: a micro-batch of one partition is folded, its outputs go out, its offset moves on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

import numpy as np
from faust.types import TP

from streams.counters import Counters
from streams.decoding import Record
from streams.delivery import LARGEST_DELIVERY
from streams.flood_guard import FloodGuard
from streams.outputs import Outputs
from streams.progress import Progress
from streams.publisher import Publisher
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES

#: What websites publish; the other topics are between agents.
SHOP_TOPICS: Final = (CLICKSTREAM, PURCHASES)
_WAITING_DELIVERIES: Final = 16


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
    """Runs an agent over the deliveries of its stream, each partition in a task of its own.

    For each micro-batch of one partition: drop what the state has already seen, fold, publish, and only then move
    the position on. While one partition waits for Redis or Kafka, the others go on. An error is not caught here: the
    worker exits and another one continues at the position.

    Parameters
    ----------
    run_task
        Starts a coroutine as a task whose failure ends the process.
    """

    def __init__(
        self,
        agent: Agent,
        settings: Settings,
        publisher: Publisher,
        progress: Progress,
        counters: Counters,
        run_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.agent = agent
        self.settings = settings
        self.publisher = publisher
        self.progress = progress
        self.counters = counters
        self.generation = -1
        self.stopped: dict[TP, str] = {}
        self._run_task = run_task
        self._lanes: dict[int, Lane] = {}
        self._guards: dict[TP, FloodGuard] = {}

    @property
    def owned(self) -> set[int]:
        """The partitions this worker owns."""
        return set(self._lanes)

    async def assign(self, tps: set[TP], generation: int) -> None:
        """Own exactly these partitions from now on, as this generation of the group."""
        partitions = {tp.partition for tp in tps if tp.topic in self.agent.topics}
        for partition in self.owned - partitions:
            await self._lanes.pop(partition).finish()
            self.agent.close(partition)
            self.progress.forget(TP(topic, partition) for topic in self.agent.topics)
        self.generation = generation
        for partition in sorted(partitions):
            await self.publisher.claim(self._owner(partition), generation)
            if partition not in self._lanes:
                self.agent.open(partition)
                self._lanes[partition] = Lane(self._process, self._run_task)

    async def run(self, stream: Any) -> None:
        """Hand the deliveries of a Faust stream to their partitions, for ever."""
        async for delivery in stream.events():
            tp = TP(delivery.message.topic, delivery.message.partition)
            lane = self._lanes.get(tp.partition)
            if lane is not None and tp not in self.stopped:
                await lane.put(tp, delivery.value)

    async def _process(self, tp: TP, records: Sequence[Record]) -> None:
        position = self.progress.positions.get(tp)
        if position is not None and records[0].offset < position.next_offset:
            records = [record for record in records if record.offset >= position.next_offset]
        if not records or tp in self.stopped:
            return
        outputs = await self.agent.fold(tp.topic, tp.partition, records)
        visible_ms = await self.publisher.publish(outputs, self._owner(tp.partition), self.generation)
        # (Checkpoints: the place where a batch is folded and out, and a new checkpoint may begin.)
        self.progress.advance(tp, records[-1].offset + 1, records[-1].timestamp)
        if tp.topic in SHOP_TOPICS:
            produced = np.fromiter((record.timestamp for record in records), np.int64, len(records))
            self.counters.count_freshness(produced, visible_ms)
            self._watch_for_flood(tp, len(records), outputs.rejected)

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


class Lane:
    """One partition's deliveries, processed one after the other; a few may wait, more hold up the stream.

    Deliveries of one topic that wait together are processed as one micro-batch: the further behind, the larger.
    """

    def __init__(
        self,
        process: Callable[[TP, Sequence[Record]], Awaitable[None]],
        run_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._process = process
        self._waiting: deque[tuple[TP, list[Record]]] = deque()
        self._changed = asyncio.Condition()
        self._finishing = False
        self._task = run_task(self._run())

    async def put(self, tp: TP, records: list[Record]) -> None:
        """Add a delivery; returns when there is room for it."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._waiting) < _WAITING_DELIVERIES)
            self._waiting.append((tp, records))
            self._changed.notify_all()

    async def finish(self) -> None:
        """Finish the micro-batch in hand, and drop those that wait: their next owner will read them again."""
        async with self._changed:
            self._finishing = True
            self._changed.notify_all()
        await self._task

    async def _run(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting or self._finishing)
                if self._finishing:
                    return
                tp, records = self._take()
                self._changed.notify_all()
            await self._process(tp, records)
            await asyncio.sleep(0)  # heartbeats and timers get their turn while a backlog is drained

    def _take(self) -> tuple[TP, list[Record]]:
        tp, records = self._waiting.popleft()
        while self._waiting and self._waiting[0][0] == tp and len(records) < LARGEST_DELIVERY:
            records = records + self._waiting.popleft()[1]
        return tp, records
