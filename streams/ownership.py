"""Which partitions this worker owns: opened with their newest checkpoint, let go of with a new one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from faust.types import TP

from streams.agent import Agent
from streams.assignment import Assignment
from streams.checkpoints.checkpointer import Checkpointer
from streams.checkpoints.format import Checkpoint
from streams.errors import EngineError
from streams.owner import Owner
from streams.patience import Patience
from streams.progress import Progress
from streams.publisher import Publisher

log = logging.getLogger("upwell")


class Ownership:
    """Opens and closes partitions of the agents.

    State belongs to partitions: any worker can take any partition, with the checkpoint that its last owner left.

    Parameters
    ----------
    partitions, topic_ids
        How many partitions every topic has, and Kafka's own names for them.
    """

    def __init__(
        self,
        consumer: Any,
        publisher: Publisher,
        progress: Progress,
        checkpointer: Checkpointer,
        partitions: dict[str, int],
        topic_ids: Mapping[str, str],
    ) -> None:
        self._consumer = consumer
        self.publisher = publisher
        self._progress = progress
        self._checkpointer = checkpointer
        self._partitions = partitions
        self._topic_ids = topic_ids
        self._owners: dict[str, Owner] = {}
        self._generation = -1

    @property
    def patience(self) -> Patience:
        """How long to put up with a Redis that fails."""
        return self.publisher.writer.patience

    async def take(self, agents: Sequence[Agent], assignment: Assignment, is_over: Callable[[], bool]) -> list[Owner]:
        """Own exactly the partitions of an assignment, or of those the first ones, if it `is_over` meanwhile.

        State that is in memory is kept where the generation before was ours too, for then nobody else has gone on
        with it in between.
        """
        self._refuse_other_partitions()
        ours = {
            (agent.name, tp.partition) for agent in agents for tp in assignment.earliest if tp.topic in agent.topics
        }
        follows = assignment.generation == self._generation + 1
        for owner in list(self._owners.values()):
            if not follows or (owner.agent.name, owner.partition) not in ours:
                self._close(owner)
        self._generation = assignment.generation
        by_name = {agent.name: agent for agent in agents}
        owners = list[Owner]()
        for name, partition in sorted(ours):
            if is_over():  # another worker may own it by now, and would be the zombie
                break
            owners.append(await self._open(by_name[name], partition, assignment))
        return owners

    async def secure(self) -> None:
        """Make durable what is processed, of all partitions."""
        for owner in self._owners.values():
            await owner.checkpoint()

    async def earliest(self, tp: TP) -> int:
        """The first offset that Kafka still has of a partition."""
        found: dict[TP, int] = await self._consumer.earliest_offsets(tp)
        return found[tp]

    def note_loss(self, agent: Agent, tp: TP, gone: range) -> None:
        """Say, and keep, which records could not be processed because Kafka has deleted them."""
        log.error(
            "Records %s to %s of %s-%s are lost: Kafka deleted them before they were processed (retention); what they "
            "said is missing from the models. Keep records for longer, or run more workers.",
            gone.start,
            gone.stop - 1,
            tp.topic,
            tp.partition,
        )
        agent.forgive(tp.partition)
        self._progress.lose(tp, gone)

    async def _open(self, agent: Agent, partition: int, assignment: Assignment) -> Owner:
        kept = self._owners.get(f"{agent.name}:{partition}")
        owner = Owner(
            agent,
            partition,
            assignment.generation,
            self.publisher,
            self._progress,
            self._checkpointer,
            self._partitions,
            self._topic_ids,
        )
        writer = self.publisher.writer
        tps = assignment.of_partition(partition, agent.topics)
        if kept is None:
            checkpoint = await asyncio.to_thread(
                self._checkpointer.store.newest, agent.name, partition, self._refuse_unfit
            )
            agent.open(partition, checkpoint.state if checkpoint else None)
            writes, expected = (checkpoint.writes, checkpoint.offsets) if checkpoint else (0, {})
            self._progress.secure({TP(topic, partition): offset for topic, offset in expected.items()})
            if checkpoint:
                self._progress.lost |= {TP(topic, partition): gone for topic, gone in checkpoint.lost.items()}
        else:
            writes, expected = writer.fences[owner.name].writes, {tp.topic: at for tp, at in kept.offsets().items()}
        starts = {tp: assignment.start(tp, expected.get(tp.topic)) for tp in tps}
        begin = {tp: start for tp, (start, _) in starts.items()}
        reached = tuple(expected.get(topic, 0) for topic in agent.topics)
        await writer.claim(
            owner.name, assignment.generation, writes, reached, lambda: self._consumer._commit_offsets(begin)
        )
        for tp, (start, gone) in starts.items():
            if gone:
                self.note_loss(agent, tp, gone)
            self._progress.advance(tp, start, self._progress.timestamp(tp))
        self._owners[owner.name] = owner
        return owner

    def _refuse_other_partitions(self) -> None:
        """Partitions that were added meanwhile would be begun with nothing, though their shoppers have a state."""
        known = {topic: self._consumer.topic_partitions(topic) for topic in self._partitions}
        self._refuse_changed(self._partitions, {topic: count for topic, count in known.items() if count})

    def _refuse_unfit(self, checkpoint: Checkpoint) -> None:
        self._refuse_changed(checkpoint.partitions, self._partitions)
        for topic, known in checkpoint.topic_ids.items():
            if self._topic_ids.get(topic, known) != known:
                raise EngineError(
                    f"{topic} was deleted and created again since the checkpoint of {checkpoint.agent}-"
                    f"{checkpoint.partition}, so its offsets mean other records: delete the checkpoints of this "
                    "application to begin anew."
                )

    def _refuse_changed(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        changed = [
            f"{topic} had {count} and has {now[topic]}"
            for topic, count in before.items()
            if now.get(topic, count) != count
        ]
        if changed:
            raise EngineError(
                f"The number of partitions changed ({'; '.join(changed)}), so keys live elsewhere than their state: "
                "change it back, or delete all five topics, publish the events again, and use another "
                "UPWELL_APPLICATION."
            )

    def _close(self, owner: Owner) -> None:
        owner.agent.close(owner.partition)
        self._progress.forget(owner.tps)
        self._checkpointer.forget(owner.name)
        del self._owners[owner.name]
