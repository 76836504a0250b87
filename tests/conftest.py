"""Real servers for the tests.

By default the embedded ones. `UPWELL_TEST_KAFKA` (host:port) and `UPWELL_TEST_REDIS` (a redis:// URL) name others; the
value `testcontainers` takes them from Docker. Whatever upwell keeps on servers that are named is deleted by the tests.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.consumer import consumer, fetcher
from redis import Redis

from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.redis import EmbeddedRedis
from streams.kafka_admin import admin, partition_counts
from streams.settings import Settings

CONTAINERS = "testcontainers"
KAFKA_IMAGE = "apache/kafka:4.1.2"
REDIS_IMAGE = "redis:8.2-alpine"


@pytest.fixture(autouse=True)
def _records_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consumers give out records again after a test that had them give out batches, in whatever order tests run."""
    for module, name in ((fetcher, "MemoryRecords"), (fetcher, "PartitionRecords"), (consumer, "Fetcher")):
        monkeypatch.setattr(module, name, getattr(module, name))  # is put back at the end


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a Kafka that all tests of the session share; topics are for the tests to name apart."""
    with _kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis that all tests of the session share; keys are for the tests to name apart."""
    with _redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="module")
def empty_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings for a Kafka and a Redis on which upwell has never run."""
    folder = tmp_path_factory.mktemp("stack")
    with _kafka(folder / "kafka") as bootstrap, _redis(folder / "redis") as url:
        settings = Settings(
            kafka=bootstrap, redis=url, partitions=4, item_partitions=2, checkpoints=str(folder / "checkpoints")
        )
        _delete_all(settings)
        yield settings


@contextlib.contextmanager
def _kafka(folder: Path) -> Iterator[str]:
    named = os.environ.get("UPWELL_TEST_KAFKA")
    if named == CONTAINERS:
        from testcontainers.kafka import KafkaContainer

        with KafkaContainer(KAFKA_IMAGE).with_kraft() as container:
            yield container.get_bootstrap_server()
    elif named:
        yield named
    else:
        with EmbeddedKafka(folder) as broker:
            yield broker.bootstrap


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    named = os.environ.get("UPWELL_TEST_REDIS")
    if named == CONTAINERS:
        from testcontainers.redis import RedisContainer

        with RedisContainer(REDIS_IMAGE) as container:
            yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    elif named:
        yield named
    else:
        with EmbeddedRedis(folder) as store:
            yield store.url


def _delete_all(settings: Settings) -> None:
    existing = list(partition_counts(settings))
    if existing:
        client = admin(settings)
        client.delete_topics(existing)
        client.close()
    Redis.from_url(settings.redis).flushdb()
