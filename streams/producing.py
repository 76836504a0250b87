"""A connection to Kafka for publishing, opened with patience and closed within bounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.errors import ServerError, SettingsError

_BATCH_BYTES: Final = 128 * 1024
_NEW_TOPIC_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 3.0


@asynccontextmanager
async def connected_producer(
    bootstrap: str, topics: tuple[str, str], patience_seconds: float, *, idempotent: bool
) -> AsyncIterator[tuple[AIOKafkaProducer, dict[str, int]]]:
    """A producer that waits for all replicas, and how many partitions each topic has; closed within seconds at the end.

    Raises
    ------
    SettingsError
        `bootstrap` is not host:port.
    ServerError
        Kafka cannot be reached or lacks a topic.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=idempotent,
        max_batch_size=_BATCH_BYTES,
        # A third, so that a request which got lost is repeated before patience ends.
        request_timeout_ms=int(patience_seconds * 1000 / 3),
    )
    try:
        yield producer, await _start(producer, bootstrap, topics, patience_seconds)
    finally:
        await _close(producer)


async def _start(
    producer: AIOKafkaProducer, bootstrap: str, topics: tuple[str, str], patience_seconds: float
) -> dict[str, int]:
    try:
        # With a limit, because aiokafka tries for ever where the address that the server advertises is wrong.
        await asyncio.wait_for(producer.start(), patience_seconds)
        return await _partitions(producer, bootstrap, topics)
    except ValueError as error:
        raise SettingsError(f"the address of Kafka is {bootstrap!r}; give host:port") from error
    except (KafkaError, TimeoutError) as error:
        raise ServerError(f"Kafka at {bootstrap} cannot be reached; check address and server") from error


async def _close(producer: AIOKafkaProducer) -> None:
    """Let what is on its way arrive, but not for ever."""
    stopping = asyncio.ensure_future(producer.stop())
    await asyncio.wait({stopping}, timeout=_CLOSE_SECONDS)
    while not stopping.done():
        # aiokafka repeats an idempotent batch for ever and stop() waits for it; there is no public way to call
        # that off. Cancelled once, its sender still waits for the request under way; cancelled again, it does not.
        if producer._sender.sender_task is not None:
            producer._sender.sender_task.cancel()
        await asyncio.wait({stopping}, timeout=0.1)


async def _partitions(producer: AIOKafkaProducer, bootstrap: str, topics: tuple[str, str]) -> dict[str, int]:
    deadline = time.monotonic() + _NEW_TOPIC_SECONDS
    while True:
        # All topics, not only these, because asking for one that is missing may create it.
        cluster = await producer.client.fetch_all_metadata()
        partitions = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        missing = [topic for topic, count in partitions.items() if not count]
        if not missing:
            return partitions
        if time.monotonic() > deadline:
            raise ServerError(f"Kafka at {bootstrap} has no topic {' and '.join(missing)}; create it first")
        await asyncio.sleep(0.1)
