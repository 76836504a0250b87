"""Publishes traffic at a steady rate while things break, and rides out whatever befalls Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, Self

from kafka import KafkaProducer

from loadtest.traffic import Traffic
from streams.errors import ServerError
from streams.settings import Settings
from streams.sources.record import Record
from streams.topics import CLICKSTREAM, PURCHASES

_PATIENCE_MS: Final = 300_000
_TICK_SECONDS: Final = 0.02


class Feeder:
    """A shop that publishes on and on, until it is told that it is enough.

    Parameters
    ----------
    traffic
        What is published, in this order.
    rate
        Records per second.
    two_topics
        Whether purchases go to a topic of their own. Only with one topic is the order of everything fixed.
    """

    def __init__(self, traffic: Traffic, settings: Settings, rate: float, *, two_topics: bool) -> None:
        self._records = traffic.records()
        self._rate = rate
        self._two_topics = two_topics
        self._enough = threading.Event()
        self._quiet = threading.Event()
        self._failed: list[BaseException] = []
        self._owed = 0
        self.sent = 0
        self._producer: Any = KafkaProducer(
            bootstrap_servers=settings.kafka,
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            delivery_timeout_ms=_PATIENCE_MS,
            max_block_ms=_PATIENCE_MS,
            max_request_size=4 * 1024 * 1024,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        self._producer.close()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """The shop is quiet for a while."""
        self._quiet.set()
        try:
            yield
        finally:
            self._quiet.clear()

    def burst(self, records: int) -> None:
        """Begin to publish so many records, as fast as it goes."""
        self._owed += records

    def finish(self) -> None:
        """Publish no more, and return when Kafka has all.

        Raises
        ------
        ServerError
            Kafka refused a record.
        """
        self._enough.set()
        self._thread.join()
        self._producer.flush()
        if self._failed:
            raise ServerError(f"Kafka did not take a record ({self._failed[0]}): see its log.")

    def send(self, record: Record) -> None:
        """Publish one record now, beside the others."""
        topic = PURCHASES if record.purchase and self._two_topics else CLICKSTREAM
        # Without a timestamp, so that Kafka takes its own: by the shop's, retention would delete it within minutes.
        sent = self._producer.send(topic, key=record.key, value=record.value)
        sent.add_errback(self._failed.append)

    def _run(self) -> None:
        looked, due = time.monotonic(), 0.0
        while not self._enough.wait(_TICK_SECONDS):
            now = time.monotonic()
            if not self._quiet.is_set():
                due += (now - looked) * self._rate + self._owed
                self._owed = 0
                for record in self._next(int(due)):
                    self.send(record)
                due %= 1.0
            looked = now

    def _next(self, count: int) -> Iterator[Record]:
        for record in islice(self._records, count):
            self.sent += 1
            yield record
