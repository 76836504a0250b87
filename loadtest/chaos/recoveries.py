"""How long it takes after a fault until everything that had been published by then is processed."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Final, Self

from kafka.errors import KafkaError
from redis.exceptions import RedisError

from streams.errors import UpwellError
from streams.lag import LagMeter, PartitionLag
from streams.settings import Settings

_POLL_SECONDS: Final = 0.2


class Recoveries:
    """Measures recoveries; several may be under way.

    Attributes
    ----------
    seconds
        Of those that are complete.
    longest_stall
        The longest time in seconds without any progress although there was something to do; the very first start,
        which may compile for a minute, does not count.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pending: list[tuple[float, dict[tuple[str, int], int]]] = []
        self._begun: list[float] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seconds: list[float] = []
        self.longest_stall = 0.0
        self._processed = -1
        self._progressed = time.monotonic()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def begin(self) -> None:
        """A fault happened now."""
        with self._lock:
            self._begun.append(time.monotonic())

    @property
    def open(self) -> int:
        """How many are not complete."""
        with self._lock:
            return len(self._begun) + len(self._pending)

    def _run(self) -> None:
        meter: LagMeter | None = None
        while not self._closing.wait(_POLL_SECONDS):
            with contextlib.suppress(UpwellError, KafkaError, RedisError, OSError):
                meter = meter or LagMeter(self._settings)
                self._look(meter.count().partitions)
        if meter is not None:
            meter.close()

    def _look(self, partitions: list[PartitionLag]) -> None:
        ends = {(one.topic, one.partition): one.end for one in partitions}
        done = {(one.topic, one.partition): one.processed for one in partitions}
        now, processed = time.monotonic(), sum(done.values())
        if processed != self._processed or processed == 0 or ends == done:
            self._processed, self._progressed = processed, now
        self.longest_stall = max(self.longest_stall, now - self._progressed)
        with self._lock:
            self._pending += [(began, ends) for began in self._begun]
            self._begun.clear()
            complete = [began for began, wanted in self._pending if all(done[tp] >= end for tp, end in wanted.items())]
            self._pending = [entry for entry in self._pending if entry[0] not in complete]
            self.seconds += [now - began for began in complete]
