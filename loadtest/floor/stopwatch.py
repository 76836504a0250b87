"""Time of this process, by the clock on the wall and by its processor."""

from __future__ import annotations

import time
from types import TracebackType

import msgspec


class Measured(msgspec.Struct, frozen=True):
    """How long something took for so many events."""

    events: int
    seconds: float
    cpu_seconds: float

    @property
    def cpu_us_per_event(self) -> float:
        """Processor time in microseconds per event."""
        return 1e6 * self.cpu_seconds / self.events

    @property
    def events_per_second(self) -> float:
        """By the clock on the wall."""
        return self.events / self.seconds


class Stopwatch:
    """Adds up what passes between start and stop; processor time is that of all threads, user and system.

    >>> stopwatch = Stopwatch()
    >>> with stopwatch:
    ...     _ = sum(range(100_000))
    >>> 0 < stopwatch.measured(events=1).cpu_seconds < 60
    True
    """

    def __init__(self) -> None:
        self._seconds = self._cpu_seconds = 0.0
        self._is_running = False

    def start(self) -> None:
        """Go on; without effect on one that runs."""
        if not self._is_running:
            self._is_running = True
            self._seconds -= time.perf_counter()
            self._cpu_seconds -= time.process_time()

    def stop(self) -> None:
        """Stand still."""
        self._cpu_seconds += time.process_time()
        self._seconds += time.perf_counter()
        self._is_running = False

    def __enter__(self) -> None:
        self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def measured(self, events: int) -> Measured:
        """What it shows."""
        return Measured(events, self._seconds, self._cpu_seconds)
