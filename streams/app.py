"""The Faust application: three agents, one loop, and what connects them to Kafka and Redis."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Final, cast

import faust
import faust.streams

from streams.checkpoints.store import CheckpointStore
from streams.closed_connections import survive_closed_connections
from streams.crash import CrashOnly
from streams.delivery import AsDelivered, MicroBatches
from streams.errors import EngineError
from streams.fetching import fetch_batches
from streams.kafka_admin import cluster_id, topic_ids
from streams.live_engine import LiveEngine
from streams.settings import Settings
from streams.topic_creation import ensure_topics
from streams.topics import LARGEST_RECORD
from streams.transport import PromptTransport
from streams.warm_up import warm_up
from streams.watchdog import Watchdog

#: What several partitions tell the same receiver in one moment travels together, up to so many bytes.
_PRODUCER_BATCH_BYTES: Final = 256 * 1024


def create_app(settings: Settings) -> faust.App:
    """The application of one worker.

    Raises
    ------
    ServerError
        Kafka does not answer, or its topics do not fit.
    """
    partitions = ensure_topics(settings)
    warm_up()
    app = faust_app(settings)
    crash_only = CrashOnly(lambda: app.should_stop)
    store = CheckpointStore(settings.checkpoints_url, f"{cluster_id(settings)}/{settings.application}")
    engine = LiveEngine(app, settings, partitions, topic_ids(settings), store, crash_only)
    app.transport.expected = engine.expected
    for loop in engine.loops:
        topic = app.topic(*loop.agent.topics, acks=False, schema=AsDelivered())
        app.agent(topic, name=loop.agent.name)(crash_only.guarded(loop.run))
    app.on_partitions_revoked.connect(crash_only.guarded(engine.on_partitions_revoked), weak=False)
    app.on_before_shutdown.connect(engine.on_partitions_revoked, weak=False)
    app.on_rebalance_complete.connect(crash_only.guarded(engine.on_rebalance_complete), weak=False)
    app.task(crash_only.guarded(engine.report_for_ever))
    app.task(crash_only.guarded(engine.commit_for_ever))
    watchdog = Watchdog(
        app.consumer, engine.progress.positions, engine.running, settings.stall_seconds, lambda: engine.has_joined
    )
    app.task(crash_only.guarded(watchdog.watch_for_ever))
    return cast(faust.App, app)


def faust_app(settings: Settings) -> Any:
    """Faust as a worker sets it up, without agents.

    Raises
    ------
    EngineError
        Faust runs without its compiled parts.
    """
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise EngineError("Faust runs without its compiled parts, which may lose events: unset NO_CYTHON.")
    app = faust.App(
        settings.application,
        broker=[f"kafka://{server}" for server in settings.kafka.split(",")],
        datadir=str(Path(tempfile.gettempdir(), f"upwell-faust-{os.getuid()}")),  # Faust wants one, and leaves it empty
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=1,  # keeps Faust's co-partitioning assignor
        ConsumerScheduler=MicroBatches,
        stream_buffer_maxsize=8,
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / 6,
        broker_rebalance_timeout=30,
        broker_request_timeout=max(40.0, settings.session_seconds + 10),
        consumer_auto_offset_reset="earliest",
        producer_max_request_size=LARGEST_RECORD,
        producer_max_batch_size=_PRODUCER_BATCH_BYTES,
        producer_acks=-1,
    )
    fetch_batches()
    survive_closed_connections()
    app.transport = PromptTransport(app.conf.broker_consumer, app)
    return app
