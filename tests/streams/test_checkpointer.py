"""When checkpoints are made: everybody's turn comes, and never from a state that is ahead of its offsets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from faust.types import TP

from online_models.shown import Quality
from online_models.vocabulary import Vocabulary
from streams.checkpoints.checkpointer import Checkpointer
from streams.checkpoints.format import Checkpoint
from streams.checkpoints.store import CheckpointStore
from streams.counters import Counters
from streams.crash import CrashOnly
from streams.micro_batches import MicroBatchLoop
from streams.outputs import Outputs
from streams.owner import Owner
from streams.portion import Portion
from streams.progress import Progress
from streams.publisher import Step
from streams.settings import Settings
from tests.streams.test_micro_batches import TOPIC, Agent, Flow, Ownership, a_batch


def _checkpointer(folder: Path, seconds: float) -> Checkpointer:
    return Checkpointer(CheckpointStore(str(folder), "test"), Progress(), seconds, asyncio.create_task)


def test_where_all_together_take_longer_than_the_interval_everybody_has_a_turn(tmp_path: Path) -> None:
    """Partitions ask in the same order after every turn, and checkpoints of a few of them fill all the time."""

    async def run() -> Counter[int]:
        checkpointer, made = _checkpointer(tmp_path, 0.05), Counter[int]()

        def freeze(partition: int) -> Callable[[], Checkpoint]:
            made[partition] += 1

            def pack() -> Checkpoint:
                time.sleep(0.01)
                return Checkpoint("shoppers", partition, {TOPIC: made[partition]}, {TOPIC: 16}, 0, 1, {}, {})

            return pack

        for turn in range(400):
            for partition in range(16):
                name, offsets = f"shoppers:{partition}", {TP(TOPIC, partition): turn}
                if checkpointer.is_due(name, offsets):
                    checkpointer.begin(name, offsets, partial(freeze, partition))
            await asyncio.sleep(0.003)
        await checkpointer.settle()
        return made

    made = asyncio.run(run())
    assert min(made[partition] for partition in range(16)) >= max(made.values()) - 1 > 1


class _Counting(Agent):
    """Its state is the number of records folded."""

    def __init__(self) -> None:
        super().__init__()
        self.records = 0

    async def fold(self, portions: Mapping[int, Portion[Any] | None]) -> dict[int, Outputs]:
        self.records += sum(len(portion) for portion in portions.values() if portion is not None)
        return await super().fold(portions)

    def freeze(self, partition: int) -> Callable[[], dict[str, Any]]:
        return lambda: {"records": self.records}


class _Publisher:
    """Publishes once, and then finds everything gone."""

    def __init__(self) -> None:
        self.writer = SimpleNamespace(fences={"learner:0": SimpleNamespace(is_whole=True, writes=0)})
        self.calls = 0

    async def publish(self, steps: Sequence[Step]) -> float:
        self.calls += 1
        if self.calls > 1:
            raise ConnectionError("Kafka and Redis are gone")
        return 0.0


def test_a_step_that_fails_while_the_worker_stops_is_in_no_checkpoint(tmp_path: Path) -> None:
    """What was folded was never published: offsets before it beside a state with it would lose it."""

    async def run() -> Checkpoint | None:
        agent, publisher, ownership = _Counting(), _Publisher(), Ownership()
        ownership.publisher = cast(Any, publisher)
        checkpointer = _checkpointer(tmp_path, 3600.0)
        checkpointer.progress.advance(TP(TOPIC, 0), 0, 0)
        owner = Owner(cast(Any, agent), 0, 1, cast(Any, publisher), checkpointer.progress, checkpointer, {TOPIC: 1}, {})
        shared: tuple[Any, ...] = (ownership, Counters(Quality(Vocabulary())), Flow(), CrashOnly(lambda: True).task)
        loop = MicroBatchLoop(cast(Any, agent), Settings(), *shared)
        loop.begin(owner)
        for first in (0, 3):
            await loop._put([[a_batch(0, first, 3)]])
            for _ in range(20):
                await asyncio.sleep(0)
        await loop.end()
        assert (agent.records, publisher.calls, owner.offsets()) == (6, 2, {TP(TOPIC, 0): 3})
        await owner.checkpoint()
        return checkpointer.store.newest("learner", 0, lambda _: None)

    assert asyncio.run(run()) is None
