"""The Faust application: three agents, one loop, and what connects them to Kafka and Redis."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import tempfile
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, Final

import faust
import faust.streams
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
from streams.delivery import AsDelivered, MicroBatches
from streams.errors import EngineError
from streams.micro_batches import Agent, MicroBatchLoop
from streams.progress import Progress
from streams.publisher import Publisher
from streams.read_view import ReadView
from streams.redis_writer import RedisWriter
from streams.settings import Settings
from streams.topics import COVISITS, LARGEST_RECORD, ensure_topics

log = logging.getLogger("upwell")

#: Exit status of a worker that cannot go on (EX_SOFTWARE); a supervisor starts it again.
CANNOT_GO_ON: Final = 70
_REPORT_SECONDS: Final = 0.05
_DAY_SECONDS: Final = 86_400


def create_app(settings: Settings) -> faust.App:
    """The application of one worker.

    Raises
    ------
    ServerError
        Kafka does not answer, or its topics do not fit.
    """
    partitions = ensure_topics(settings)
    app = _faust_app(settings)
    engine = Engine(app, settings, item_partitions=partitions[COVISITS])
    for loop in engine.loops:
        topic = app.topic(*loop.agent.topics, acks=False, schema=AsDelivered())
        app.agent(topic, name=loop.agent.name)(_crashing(loop.run))
    app.on_rebalance_complete.connect(_crashing(engine.on_rebalance_complete), weak=False)
    app.task(_crashing(engine.report_for_ever))
    app.task(_crashing(engine.commit_for_ever))
    return app


def _faust_app(settings: Settings) -> faust.App:
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise EngineError("Faust runs without its compiled parts, which may lose events: unset NO_CYTHON.")
    return faust.App(
        settings.application,
        broker=[f"kafka://{server}" for server in settings.kafka.split(",")],
        datadir=tempfile.mkdtemp(prefix="upwell-faust-"),
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=1,  # keeps Faust's co-partitioning assignor
        ConsumerScheduler=MicroBatches,
        stream_buffer_maxsize=8,
        broker_session_timeout=12,
        broker_heartbeat_interval=2,
        broker_rebalance_timeout=30,
        broker_request_timeout=40,
        consumer_auto_offset_reset="earliest",
        producer_max_request_size=LARGEST_RECORD,
        producer_acks=-1,
    )


class Engine:
    """What the agents of one worker share: the connection to Redis, the vocabulary, counters and positions."""

    def __init__(self, app: faust.App, settings: Settings, item_partitions: int) -> None:
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
            MicroBatchLoop(agent, settings, publisher, self.progress, self.counters, app.consumer, _crashing_task)
            for agent in agents
        ]

    async def on_rebalance_complete(self, *_: Any, **__: Any) -> None:
        """Open what this worker owns now: after Faust's recovery, before the first record of the new assignment."""
        starts = await self._starts()
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
        announced: set[TP] = set()
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            fields = self.counters.as_fields() | {"partitions": str(sum(len(loop.owned) for loop in self.loops))}
            await redis.hset(f"{prefix}worker:{self.worker}", mapping=fields)
            await redis.expire(f"{prefix}worker:{self.worker}", _DAY_SECONDS)
            await self.progress.report(self.redis, f"{prefix}progress")
            for loop in self.loops:
                for tp in loop.stopped.keys() - announced:
                    announced.add(tp)
                    log.error(loop.stopped[tp])
                    await redis.hset(f"{prefix}stopped", f"{tp.topic}:{tp.partition}", loop.stopped[tp])

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


def _crashing_task(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    async def run() -> None:
        await coroutine

    return asyncio.ensure_future(_crashing(run)())


def _crashing(run: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    """Let an error end the process: Faust would restart the agent and count the lost batch as done."""

    async def guarded(*arguments: Any, **named: Any) -> None:
        try:
            await run(*arguments, **named)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log.critical(
                "%s",
                error if isinstance(error, EngineError) else f"{type(error).__name__}: {error}",
                exc_info=not isinstance(error, EngineError),
            )
            logging.shutdown()
            os._exit(CANNOT_GO_ON)

    return guarded
