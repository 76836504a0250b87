"""Between two runs on the same servers: nothing of the one before is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from loadtest.surroundings import refuse_used
from streams.errors import EngineError, ServerError
from streams.kafka_admin import admin, partition_counts
from streams.reading import open_redis, read
from streams.settings import Settings
from streams.topic_creation import ensure_topics
from streams.topics import topics

_POLL_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 60.0


def refuse_occupied(settings: Settings) -> None:
    """Check that there is nothing that `clean_slate` could do harm to.

    Raises
    ------
    ServerError
        The Redis database holds keys, whoever's they are, or there are events in Kafka.
    """
    refuse_used(settings)
    if keys := read(open_redis(settings).dbsize):
        raise ServerError(
            f"The database at {settings.redis} holds {keys} keys, and this load test empties it between its runs: "
            "give it an empty database or unset UPWELL_REDIS."
        )


def clean_slate(settings: Settings, names: Sequence[str] | None = None) -> None:
    """Empty the Redis database and make topics anew: those named, by default all of upwell's.

    Raises
    ------
    EngineError
        Kafka does not delete them.
    """
    redis = open_redis(settings)
    read(redis.flushdb)
    read(redis.config_resetstat)
    doomed = [topic.name for topic in topics(settings)] if names is None else list(names)
    client = admin(settings)
    try:
        client.delete_topics(doomed)
    finally:
        client.close()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while any(name in partition_counts(settings) for name in doomed):
        if time.monotonic() > deadline:
            raise EngineError(f"Kafka at {settings.kafka} does not delete {', '.join(doomed)}: see its log.")
        time.sleep(_POLL_SECONDS)
    ensure_topics(settings)
