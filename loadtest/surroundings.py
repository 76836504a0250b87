"""The Kafka and Redis that a load test runs on: the given ones, else embedded ones with data of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loadtest.scheduling import put_last
from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.redis import EmbeddedRedis
from streams.errors import ServerError
from streams.lag import LagMeter
from streams.reading import open_redis, read
from streams.settings import Settings
from streams.topic_creation import ensure_topics


@contextmanager
def surroundings(directory: Path, background: bool = False) -> Iterator[dict[str, str]]:
    """The environment variables of a worker; UPWELL_KAFKA and UPWELL_REDIS are taken as they are where set.

    What is missing is started in `directory` and stopped at the end. The topics are there. In the `background`, Kafka
    lets everything else go first; see `loadtest.scheduling`.
    """
    with ExitStack() as started:
        variables = {name: value for name, value in os.environ.items() if name.startswith("UPWELL_")}
        if "UPWELL_KAFKA" not in variables:
            kafka = started.enter_context(EmbeddedKafka(directory / "kafka"))
            variables["UPWELL_KAFKA"] = kafka.bootstrap
            if background:
                put_last(kafka.pid)
        if "UPWELL_REDIS" not in variables:
            variables["UPWELL_REDIS"] = started.enter_context(EmbeddedRedis(directory / "redis")).url
        variables.setdefault("UPWELL_CHECKPOINTS", str(directory / "checkpoints"))
        ensure_topics(Settings.load(variables))
        yield variables


def refuse_used(settings: Settings) -> None:
    """Check that nobody has used these servers: only then is what should be in them known.

    Raises
    ------
    ServerError
        There are events in Kafka, or upwell's keys in Redis.
    """
    meter = LagMeter(settings)
    try:
        records = sum(partition.end for partition in meter.count().partitions)
    finally:
        meter.close()
    if records or read(open_redis(settings).exists, f"{settings.prefix}upwell"):
        raise ServerError(
            f"upwell has been used on {settings.kafka} and {settings.redis}, so what the load test finds there could "
            "not be told from what was there before: give it servers of its own or unset UPWELL_KAFKA and UPWELL_REDIS."
        )
