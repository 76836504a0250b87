"""What the agents of one worker share: connections, vocabulary, counters, positions, and who owns what."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import faust
from faust.types import TP
from redis.exceptions import RedisError

from online_models.shown import Quality
from online_models.vocabulary import Vocabulary
from streams.agent import Agent
from streams.agents.affinity import AffinityAgent
from streams.agents.learner import LearnerAgent
from streams.agents.shoppers import ShoppersAgent
from streams.assignment import Assignment
from streams.checkpoints.checkpointer import Checkpointer
from streams.checkpoints.store import CheckpointStore
from streams.counters import KEPT_SECONDS, Counters
from streams.crash import CrashOnly
from streams.holding import hold_seconds
from streams.key_space import mark, mark_as_ours
from streams.lane import Reading
from streams.micro_batches import MicroBatchLoop
from streams.model_settings import model_settings
from streams.ownership import Ownership
from streams.patience import Patience
from streams.progress import Progress, partition_field
from streams.publisher import Publisher
from streams.quick_connection import connect
from streams.read_view import ReadView
from streams.redis_writer import RedisWriter
from streams.settings import Settings
from streams.topics import CLICKSTREAM, COVISITS
from streams.transport import PromptConsumer

log = logging.getLogger("upwell")

_REPORT_SECONDS: Final = 0.1
#: All is reported again this often, whether it changed or not: Redis may have lost it.
_REPORTS_IN_FULL: Final = 30
_COMMIT_SECONDS: Final = 0.25
#: A commit that takes longer is let go of: nothing rests on it but the start of the next worker.
_COMMIT_PATIENCE_SECONDS: Final = 5.0
_DAY_SECONDS: Final = 86_400


class LiveEngine:
    """The engine on Kafka and Redis: what the agents of one worker share.

    Parameters
    ----------
    partitions, ids
        How many partitions every topic has, and Kafka's own names for the topics.
    store
        Where checkpoints are kept.

    Attributes
    ----------
    has_joined
        Whether Kafka has let the worker into the group.
    """

    def __init__(
        self,
        app: faust.App,
        settings: Settings,
        partitions: dict[str, int],
        ids: Mapping[str, str],
        store: CheckpointStore,
        crash_only: CrashOnly,
    ) -> None:
        self.app: Any = app
        self.settings = settings
        self.partitions = partitions
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.has_joined = False
        self._changing = asyncio.Lock()
        self._revocations = 0
        self.redis = connect(settings)
        items = Vocabulary()
        self.counters = Counters(Quality(items))
        self.progress = Progress()
        patience = Patience(settings.redis_patience_seconds)
        view = ReadView(self.redis, settings.prefix, items, settings.view_seconds, patience, partitions[COVISITS])
        writer = RedisWriter(self.redis, settings.prefix, int(settings.keep_days * _DAY_SECONDS), patience)
        self.checkpointer = Checkpointer(store, self.progress, settings.checkpoint_seconds, crash_only.task)
        self.ownership = Ownership(
            app.consumer, Publisher(app.producer, writer), self.progress, self.checkpointer, partitions, ids
        )
        held = hold_seconds(partitions[CLICKSTREAM], partitions[COVISITS])
        self.affinity = AffinityAgent(view, model_settings(settings).similarity)
        agents: list[Agent] = [
            ShoppersAgent(settings, view, self.counters, held),
            self.affinity,
            LearnerAgent(view),
        ]
        consumer = cast(PromptConsumer, app.consumer)
        self.loops = [
            MicroBatchLoop(agent, settings, self.ownership, self.counters, consumer, crash_only.task)
            for agent in agents
        ]

    async def on_partitions_revoked(self, *_: Any, **__: Any) -> None:
        """Before a rebalance and before the end: finish what is in hand, and make it durable for the next owner."""
        self._revocations += 1  # whoever is taking partitions leaves off
        # The end may come in the middle of a rebalance, and a rebalance while partitions are taken.
        async with self._changing:
            for loop in self.loops:
                await loop.end()
            await self.ownership.secure()
            await self.commit()

    async def on_rebalance_complete(self, *_: Any, **__: Any) -> None:
        """Open what this worker owns now: after Faust's recovery, before the first record of the new assignment."""
        self.has_joined = True
        generation, revocations = self.app.consumer_generation_id, self._revocations

        def is_over() -> bool:
            return (self.app.consumer_generation_id, self._revocations) != (generation, revocations)

        async with self._changing:
            if not is_over():
                await self._take(generation, is_over)

    async def _take(self, generation: int, is_over: Callable[[], bool]) -> None:
        """Open what this worker owns in a generation, and begin to process it, unless that is over before."""
        for loop in self.loops:
            await loop.end()
        assignment = await Assignment.of(self.app.consumer, generation)
        for loop in self.loops:
            loop.let_go(assignment.earliest.keys())
        everybody = [
            f"{loop.agent.name}:{partition}"
            for loop in self.loops
            for partition in range(self.partitions[loop.agent.topics[0]])
        ]
        await mark_as_ours(self.redis, self.settings, everybody, self.ownership.patience)
        await self._resume_stopped(assignment)
        owners = await self.ownership.take([loop.agent for loop in self.loops], assignment, is_over)
        if is_over():
            return
        for loop in self.loops:
            for owner in owners:
                if owner.agent is loop.agent:
                    loop.begin(owner)
        owned = ", ".join(f"{loop.agent.name} {sorted(loop.owned)}" for loop in self.loops)
        log.info("Partitions of this worker: %s; checkpoints in %s.", owned, self.checkpointer.store.place)

    def expected(self) -> Mapping[TP, int]:
        """Where reading goes on: Faust's consumer seeks there after a rebalance."""
        return {tp: offset for loop in self.loops for tp, offset in loop.expected().items()}

    def running(self) -> Mapping[TP, Reading]:
        """How far all partitions have come in but those that are stopped."""
        return {tp: reading for loop in self.loops for tp, reading in loop.running().items()}

    async def commit(self) -> None:
        """Tell Kafka what is durable. Where that fails the next attempt is as good: the checkpoints are what counts."""
        assigned = {TP(tp.topic, tp.partition) for tp in self.app.consumer.assignment()}
        offsets = {tp: offset for tp, offset in self.progress.to_commit().items() if tp in assigned}
        if not offsets:
            return
        try:
            if await asyncio.wait_for(self.app.consumer._commit_offsets(offsets), _COMMIT_PATIENCE_SECONDS):
                self.progress.committed(offsets)
        except TimeoutError:
            log.warning("Kafka has not taken a commit within %g s; it is tried again.", _COMMIT_PATIENCE_SECONDS)

    async def commit_for_ever(self, *_: object) -> None:
        """Commit to Kafka what has become durable."""
        while True:
            await asyncio.sleep(_COMMIT_SECONDS)
            await self.commit()

    async def report_for_ever(self, *_: object) -> None:
        """Keep Redis up to date about progress and counters; a Redis that fails is the concern of those who write."""
        reports = 0
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            if reports % _REPORTS_IN_FULL == 0:
                self.progress.report_all()
            try:
                await self._report()
                reports += 1
            except RedisError as error:
                log.info("No report could be written to Redis: %s", error)
                reports = 0

    async def _report(self) -> None:
        prefix, key = self.settings.prefix, f"{self.settings.prefix}worker:{self.worker}"
        fields = self.counters.as_fields() | {
            "partitions": str(sum(len(loop.owned) for loop in self.loops)),
            "unwritten_similar": str(self.affinity.unwritten),
            "reported_ms": str(int(time.time() * 1000)),
        }
        redis: Any = self.redis
        async with redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, mapping=fields)
            pipe.expire(key, KEPT_SECONDS)
            pipe.set(f"{prefix}upwell", mark(self.settings))
            self.progress.report(pipe, prefix)
            if written := {owner: written.text() for owner, written in self.checkpointer.written.items()}:
                pipe.hset(f"{prefix}checkpoints", mapping=written)
            if stopped := {
                partition_field(*tp): text
                for loop in self.loops
                for tp, text in loop.stopped.items()
                if tp.partition in loop.owned  # in a rebalance somebody else may own it already
            }:
                pipe.hset(f"{prefix}stopped", mapping=stopped)
            await pipe.execute()

    async def _resume_stopped(self, assignment: Assignment) -> None:
        """A partition that another worker stopped may be mended by now; if not, it will be stopped again."""
        stopped = {tp for loop in self.loops for tp in loop.stopped}
        if resumed := [partition_field(*tp) for tp in assignment.earliest.keys() - stopped]:
            redis: Any = self.redis
            key = f"{self.settings.prefix}stopped"
            await self.ownership.patience.call(lambda: redis.hdel(key, *resumed))
