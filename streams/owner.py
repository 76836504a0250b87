"""One partition of one agent, as long as this worker owns it: its outputs, its position, its checkpoints."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from faust.types import TP

from streams.agent import Agent
from streams.checkpoints.checkpointer import Checkpointer
from streams.checkpoints.format import Checkpoint
from streams.outputs import Outputs
from streams.portion import Portion
from streams.progress import Position, Progress
from streams.publisher import Publisher, Step
from streams.repair import LOOK_SECONDS, Repair

log = logging.getLogger("upwell")


class Owner:
    """The right to write in the name of a partition, and the duty to keep its state.

    Parameters
    ----------
    generation
        Of the consumer group when the partition was assigned.
    partitions, topic_ids
        How many partitions the topics have, and Kafka's own names for them.

    Attributes
    ----------
    is_torn
        Whether the state is ahead of the offsets: from the fold of records until they are noted as done. Such a state
        must not become a checkpoint.
    """

    def __init__(
        self,
        agent: Agent,
        partition: int,
        generation: int,
        publisher: Publisher,
        progress: Progress,
        checkpointer: Checkpointer,
        partitions: dict[str, int],
        topic_ids: Mapping[str, str],
    ) -> None:
        self.agent = agent
        self.partition = partition
        self.generation = generation
        self.name = f"{agent.name}:{partition}"
        self.tps = [TP(topic, partition) for topic in agent.topics]
        self._publisher = publisher
        self._progress = progress
        self._checkpointer = checkpointer
        self._partitions = partitions
        self._topic_ids = {topic: topic_ids[topic] for topic in agent.topics if topic in topic_ids}
        self._repair = Repair(agent, partition, publisher.writer)
        self.is_torn = False

    @property
    def is_whole(self) -> bool:
        """Whether Redis holds all that it should."""
        return self._publisher.writer.fences[self.name].is_whole

    @property
    def due(self) -> float:
        """When it has something to do though nothing comes in, on the monotonic clock: to look, or to repair."""
        return time.monotonic() + LOOK_SECONDS if self.is_whole else self._repair.due

    def offsets(self) -> dict[TP, int]:
        """The next offset to process, per topic."""
        return {tp: self._progress.positions[tp].next_offset for tp in self.tps}

    def step(self, outputs: Outputs, portion: Portion[Any] | None = None) -> Step:
        """What some records led to, and where that brings the partition."""
        offsets, moved = self.offsets(), {}
        for number, (offset, timestamp) in (portion.last_of_topics() if portion is not None else {}).items():
            moved[self.tps[number]] = Position(offset + 1, timestamp)
            offsets[self.tps[number]] = offset + 1
        return Step(self.name, outputs, tuple(offsets.values()), moved)

    def note(self, step: Step) -> None:
        """A step is published: its records are done."""
        for tp, position in step.moved.items():
            self._progress.advance(tp, *position)
        self.is_torn = False

    async def repair(self) -> None:
        """Where Redis has lost values, write the next portion of them again, if there is one by now."""
        if self.is_whole or time.monotonic() < self._repair.due:
            return
        if self._repair.is_new:
            self._progress.report_all()
        if (outputs := await self._repair.portion()) is not None:
            await self._publisher.publish([self.step(outputs)])

    def checkpoint_if_due(self) -> None:
        """Between two micro-batches: copy the state, and let it be written in the background."""
        offsets = self.offsets()
        if self._checkpointer.is_due(self.name, offsets):
            self._checkpointer.begin(self.name, offsets, self._freeze)

    async def checkpoint(self) -> None:
        """Make what is processed durable, if it is not yet; a step that failed is left to the next owner."""
        if self.is_torn:
            log.warning("%s stops within a step: it goes on at the checkpoint before.", self.name)
            return
        offsets = self.offsets()
        await self._checkpointer.settle()
        if self._checkpointer.is_behind(offsets):
            await self._checkpointer.make(self.name, offsets, self._freeze)

    def _freeze(self) -> Callable[[], Checkpoint]:
        packed, offsets = self.agent.freeze(self.partition), self.offsets()
        writes = self._publisher.writer.fences[self.name].writes if self.is_whole else 0
        lost = {tp.topic: dict(self._progress.lost[tp]) for tp in self.tps if tp in self._progress.lost}

        def pack() -> Checkpoint:
            return Checkpoint(
                agent=self.agent.name,
                partition=self.partition,
                offsets={tp.topic: offset for tp, offset in offsets.items()},
                partitions=self._partitions,
                writes=writes,
                generation=self.generation,
                state=packed(),
                lost=lost,
                topic_ids=self._topic_ids,
            )

        return pack
