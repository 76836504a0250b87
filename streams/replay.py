"""Publish recorded events to Kafka, as fast as it takes them or at a pace of your choice."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.errors import ServerError
from streams.producing import connected_producer
from streams.sources.pace import due_times
from streams.sources.record import Record
from streams.topics import CLICKSTREAM, PURCHASES

#: How long an event may wait for company before it is sent.
LINGER_SECONDS: Final = 0.02

# A paced replay looks no more often than this, lest it spend the machine on tiny batches.
_TICK_SECONDS: Final = 0.005
_PROGRESS_SECONDS: Final = 0.1


@dataclass(frozen=True)
class ReplaySummary:
    """How far a replay is, or was when it ended.

    Attributes
    ----------
    sent, acknowledged
        Events handed to Kafka, and events it has confirmed; the same number at the end.
    per_topic
        Acknowledged events by topic.
    seconds
        Time since the first event.
    late_seconds
        The longest that an event was behind its due time: how well the pace was kept (0 if there was none).
    event_ts
        Event time of the last event sent, in epoch milliseconds, if it has one.
    """

    sent: int
    acknowledged: int
    per_topic: Mapping[str, int]
    seconds: float
    late_seconds: float
    event_ts: int | None


async def replay(
    records: Iterable[Record],
    bootstrap: str,
    *,
    speed: float | None = None,
    rate: float | None = None,
    clickstream_topic: str = CLICKSTREAM,
    purchases_topic: str = PURCHASES,
    progress: Callable[[ReplaySummary], None] | None = None,
    patience_seconds: float = 30.0,
    idempotent: bool = True,
) -> ReplaySummary:
    """Publish records in their order; return when Kafka has acknowledged every one.

    Purchases go to `purchases_topic`, all else to `clickstream_topic`; both must exist. The key decides the
    partition as in any other Kafka producer, so the events of one user keep their order within a topic; a
    record without a key goes where its bytes say. Kafka's timestamp is the time of sending.

    With neither `speed` nor `rate`, as fast as Kafka takes them. Either is an open loop: an event is due at
    its time after the start, however long the ones before it took, and one that is late is sent at once.
    Cancelling gives what was already sent a few seconds to arrive.

    Parameters
    ----------
    speed
        Times as fast as event time: 60 makes an hour of events last a minute. Gaps are kept: a night
        without events is waited through, at that speed.
    rate
        Events per second.
    progress
        Called with the state so far, about ten times a second while events are sent, and at the end.
    patience_seconds
        How long Kafka may take to answer, and to acknowledge an event, before the replay gives up.
    idempotent
        Let Kafka drop what a retry sends twice. Servers that only resemble Kafka may not know how.

    Raises
    ------
    SettingsError
        Speed or rate is not above zero, or both are given, or `bootstrap` is not host:port.
    ServerError
        Kafka cannot be reached, lacks a topic, refuses an event, or takes longer than `patience_seconds`.
    """
    due, paced = due_times(records, speed=speed, rate=rate), speed is not None or rate is not None
    topics = clickstream_topic, purchases_topic
    async with connected_producer(bootstrap, topics, patience_seconds, idempotent=idempotent) as (producer, partitions):
        outbox = _Outbox(producer, partitions, *topics, patience_seconds, progress or (lambda _: None))
        try:
            await outbox.publish(due, paced=paced)
        except (KafkaError, TimeoutError) as error:
            raise ServerError(
                f"Kafka at {bootstrap} stopped taking events after {outbox.summary().acknowledged} "
                f"({error}); check topics and server, and replay again"
            ) from error
        return outbox.summary()


# Python takes microseconds for murmur2, and users come back.
@lru_cache(maxsize=1 << 17)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


class _Outbox:
    """Gathers records in one batch per partition (a lane) and hands the batches to Kafka.

    A batch leaves when it is full, when the next record is not yet due, or when `LINGER_SECONDS` have gone
    by. aiokafka queues the next batch of a partition only when the one before is on its way, so memory stays
    bounded, and a slow server slows the reading down.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        partitions: Mapping[str, int],
        clickstream: str,
        purchases: str,
        patience_seconds: float,
        progress: Callable[[ReplaySummary], None],
    ) -> None:
        self._producer = producer
        self._lanes = [(topic, partition) for topic, count in partitions.items() for partition in range(count)]
        self._clickstream = self._lanes.index((clickstream, 0)), partitions[clickstream]
        self._purchases = self._lanes.index((purchases, 0)), partitions[purchases]
        self._batches: list[BatchBuilder | None] = [None] * len(self._lanes)
        self._patience_seconds = patience_seconds
        self._progress = progress
        self._unacknowledged: set[asyncio.Future[Any]] = set()
        self._failure: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._sent = 0
        self._acknowledged = dict.fromkeys(partitions, 0)
        self._late_seconds = 0.0
        self._event_ts: int | None = None
        self._start = self._flushed = self._reported = time.monotonic()

    async def publish(self, records: Iterable[tuple[float, Record]], *, paced: bool) -> None:
        """Send every record when it is due, and wait until all are acknowledged."""
        for due, record in records:
            now = time.monotonic()
            if paced:
                if now < self._start + due:
                    await self._flush()
                    await self._sleep_until(max(self._start + due, self._flushed + _TICK_SECONDS))
                    now = time.monotonic()
                self._late_seconds = max(self._late_seconds, now - self._start - due)
            if now > self._flushed + LINGER_SECONDS:
                await self._flush()
            await self._add(record)
        await self._flush()
        while self._unacknowledged and not self._failure.done():
            await asyncio.wait({*self._unacknowledged, self._failure}, return_when=asyncio.FIRST_COMPLETED)
        self._raise_failure()
        self._report()

    def summary(self) -> ReplaySummary:
        return ReplaySummary(
            sent=self._sent,
            acknowledged=sum(self._acknowledged.values()),
            per_topic=dict(self._acknowledged),
            seconds=time.monotonic() - self._start,
            late_seconds=self._late_seconds,
            event_ts=self._event_ts,
        )

    async def _add(self, record: Record) -> None:
        start, count = self._purchases if record.purchase else self._clickstream
        # crc32 where Kafka would throw dice: the same file then always gives the same partitions.
        lane = start + (zlib.crc32(record.value) if record.key is None else _hash(record.key)) % count
        batch = self._batches[lane]
        if batch is None or batch.append(key=record.key, value=record.value, timestamp=None) is None:
            await self._send(lane)
            batch = self._batches[lane] = self._producer.create_batch()
            batch.append(key=record.key, value=record.value, timestamp=None)
        self._event_ts = record.ts

    async def _flush(self) -> None:
        for lane in range(len(self._lanes)):
            await self._send(lane)
        self._flushed = time.monotonic()
        if self._flushed > self._reported + _PROGRESS_SECONDS:
            self._report()

    async def _send(self, lane: int) -> None:
        batch, self._batches[lane] = self._batches[lane], None
        if batch is None:
            return
        batch.close()
        topic, partition = self._lanes[lane]
        while True:
            self._raise_failure()
            # The queue is full for as long as a batch before this one is repeated: that one's patience decides.
            with suppress(KafkaTimeoutError):
                sending = await self._producer.send_batch(batch, topic, partition=partition)
                break
        self._sent += batch.record_count()
        self._unacknowledged.add(sending)
        silence = TimeoutError(f"no acknowledgement for {self._patience_seconds:g} s")
        impatience = asyncio.get_running_loop().call_later(self._patience_seconds, self._fail, silence)
        sending.add_done_callback(partial(self._settle, topic, batch.record_count(), impatience))

    def _settle(self, topic: str, count: int, impatience: asyncio.TimerHandle, sending: asyncio.Future[Any]) -> None:
        impatience.cancel()
        self._unacknowledged.discard(sending)
        if sending.cancelled():
            return
        if error := sending.exception():
            self._fail(error)
        else:
            self._acknowledged[topic] += count

    def _fail(self, error: BaseException) -> None:
        if not self._failure.done():
            self._failure.set_result(error)

    def _raise_failure(self) -> None:
        if self._failure.done():
            raise self._failure.result()

    async def _sleep_until(self, moment: float) -> None:
        await asyncio.wait({self._failure}, timeout=moment - time.monotonic())
        self._raise_failure()

    def _report(self) -> None:
        self._reported = time.monotonic()
        self._progress(self.summary())
