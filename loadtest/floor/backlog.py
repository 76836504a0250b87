"""The backlog once more, from the beginning, by a plain consumer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.fetching import LONGEST_WAIT_MS
from streams.kafka_admin import partition_counts
from streams.record_batches import RecordBatch
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES

_PATIENCE_MS: Final = 1000


@asynccontextmanager
async def plain_consumer(settings: Settings) -> AsyncIterator[Any]:
    """A consumer without a group, at the beginning of every partition of the inputs; fetches wait as a worker's do."""
    counts = partition_counts(settings)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=LONGEST_WAIT_MS,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, n) for topic in (CLICKSTREAM, PURCHASES) for n in range(counts[topic])])
        yield consumer
    finally:
        await consumer.stop()


async def fetches(
    consumer: Any, records: int, count: Callable[[list[Any]], int] = len
) -> AsyncIterator[Mapping[Any, list[Any]]]:
    """Whatever has arrived, again and again, until it is so many records; `count` tells how many are in a list."""
    while records > 0:
        fetched = await consumer.getmany(timeout_ms=_PATIENCE_MS)
        records -= sum(map(count, fetched.values()))
        yield fetched


def in_batches(fetched: list[RecordBatch]) -> int:
    """How many records there are in batches."""
    return sum(map(len, fetched))
