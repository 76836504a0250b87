"""What the agents of one worker share: connections, vocabulary, counters, positions, and who owns what."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from typing import Any, Final

import faust
from faust.types import TP
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from online_models.vocabulary import Vocabulary
from streams.agents.affinity import AffinityAgent
from streams.agents.learner import LearnerAgent
from streams.agents.shoppers import ShoppersAgent
from streams.counters import Counters
from streams.crash import CrashOnly
from streams.micro_batches import Agent, MicroBatchLoop
from streams.progress import Progress, field
from streams.publisher import Publisher
from streams.read_view import ReadView
from streams.redis_writer import RedisWriter
from streams.settings import Settings

log = logging.getLogger("upwell")

_REPORT_SECONDS: Final = 0.05
_DAY_SECONDS: Final = 86_400


class Engine:
    """What the agents of one worker share: the connection to Redis, the vocabulary, counters and positions."""

    def __init__(self, app: faust.App, settings: Settings, item_partitions: int, crash_only: CrashOnly) -> None:
        self.app: Any = app
        self.settings = settings
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.redis = connect(settings)
        self.counters = Counters()
        self.progress = Progress()
        items = Vocabulary()
        view = ReadView(self.redis, settings.prefix, items, settings.view_seconds)
        writer = RedisWriter(self.redis, settings.prefix, int(settings.keep_days * _DAY_SECONDS))
        publisher = Publisher(app.producer, writer)
        agents: list[Agent] = [
            ShoppersAgent(settings, view, self.counters, item_partitions),
            AffinityAgent(view),
            LearnerAgent(view),
        ]
        self.loops = [
            MicroBatchLoop(agent, settings, publisher, self.progress, self.counters, app.consumer, crash_only.task)
            for agent in agents
        ]

    async def on_rebalance_complete(self, *_: Any, **__: Any) -> None:
        """Open what this worker owns now: after Faust's recovery, before the first record of the new assignment."""
        starts = await self._starts()
        stopped = {tp for loop in self.loops for tp in loop.stopped}
        if resumed := [field(tp.topic, tp.partition) for tp in starts.keys() - stopped]:
            redis: Any = self.redis
            await redis.hdel(f"{self.settings.prefix}stopped", *resumed)
        for loop in self.loops:
            await loop.assign(starts, self.app.consumer_generation_id)

    async def _starts(self) -> dict[TP, int]:
        """Where reading begins in every partition of the assignment: what is committed, else the earliest record."""
        consumer = self.app.consumer
        assigned = {TP(tp.topic, tp.partition) for tp in consumer.assignment()}
        if not assigned:
            return {}
        committed = await consumer.seek_to_committed()
        earliest = await consumer.earliest_offsets(*assigned)
        return {tp: max(committed.get(tp) or 0, earliest[tp]) for tp in assigned}

    async def report_for_ever(self, *_: object) -> None:
        """Keep positions and counters in Redis up to date."""
        prefix = self.settings.prefix
        redis: Any = self.redis
        await redis.set(f"{prefix}upwell", f"{self.settings.application} 1")
        announced: set[str] = set()
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            fields = self.counters.as_fields() | {"partitions": str(sum(len(loop.owned) for loop in self.loops))}
            await redis.hset(f"{prefix}worker:{self.worker}", mapping=fields)
            await redis.expire(f"{prefix}worker:{self.worker}", _DAY_SECONDS)
            await self.progress.report(self.redis, f"{prefix}progress")
            stopped = {tp: complaint for loop in self.loops for tp, complaint in loop.stopped.items()}
            for complaint in set(stopped.values()) - announced:
                announced.add(complaint)
                log.error("%s", complaint)
                fields = {field(tp.topic, tp.partition): text for tp, text in stopped.items() if text == complaint}
                await redis.hset(f"{prefix}stopped", mapping=fields)

    async def commit_for_ever(self, *_: object) -> None:
        """Commit to Kafka what is processed, now and then."""
        while True:
            await asyncio.sleep(self.settings.commit_seconds)
            assigned = {TP(tp.topic, tp.partition) for tp in self.app.consumer.assignment()}
            offsets = {tp: offset for tp, offset in self.progress.to_commit().items() if tp in assigned}
            if offsets and await self.app.consumer._commit_offsets(offsets):
                self.progress.committed(offsets)


def connect(settings: Settings) -> Redis:
    """A connection that rides out short outages: it tries again for about half a minute, then raises."""
    return Redis.from_url(
        settings.redis,
        retry=Retry(ExponentialBackoff(cap=2.0, base=0.05), retries=18),
        retry_on_error=[RedisConnectionError, RedisTimeoutError, BusyLoadingError],
        socket_timeout=10.0,
        socket_connect_timeout=5.0,
    )
