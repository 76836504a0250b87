"""Send every event when it is due, however long the ones before it took: as visitors do, who do not wait for us."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from online_models.compiled import Floats
from streams.errors import ServerError
from streams.settings import Settings
from streams.sources.record import Record
from streams.topics import CLICKSTREAM, PURCHASES

#: A sender that is behind lets the rest of the process go on after so many events.
_IN_A_ROW: Final = 50


@dataclass
class Sending:
    """When each event was due, sent and acknowledged by Kafka: epoch seconds, NaN where it never was."""

    due: Floats
    sent: Floats = field(init=False)
    acknowledged: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.sent = np.full(len(self.due), np.nan)
        self.acknowledged = np.full(len(self.due), np.nan)


async def send_open_loop(records: Sequence[Record], due: Floats, settings: Settings) -> Sending:
    """Send records at their due times (epoch seconds, ascending); return when Kafka has acknowledged the last one.

    Raises
    ------
    ServerError
        Kafka cannot be reached or refuses an event.
    """
    sending = Sending(due)
    try:
        async with _producer(settings) as producer:
            for number, record in enumerate(records):
                await _until(due[number], number)
                await _send(producer, record, number, sending)
    except KafkaError as error:
        raise ServerError(f"Kafka at {settings.kafka} stopped taking events ({error}): see its log.") from error
    return sending


@asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[Any]:
    """A producer that holds nothing back to fill its batches."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", enable_idempotence=True, linger_ms=0, max_batch_size=128 * 1024
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _until(due: float, number: int) -> None:
    while (wait := due - time.time()) > 0:
        await asyncio.sleep(wait)
    if number % _IN_A_ROW == 0:
        await asyncio.sleep(0)


async def _send(producer: Any, record: Record, number: int, sending: Sending) -> None:
    def acknowledge(future: asyncio.Future[Any]) -> None:
        if future.exception() is None:
            sending.acknowledged[number] = time.time()

    sending.sent[number] = time.time()
    future = await producer.send(PURCHASES if record.purchase else CLICKSTREAM, record.value, record.key)
    future.add_done_callback(acknowledge)
