"""Wait until a worker has drained a backlog, and note what that took of time and processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from loadtest.live_worker import LiveWorker
from streams.errors import EngineError
from streams.lag import LagMeter
from streams.reading import open_redis, read
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES

#: Looking costs Kafka and Redis something, so it is done often only near the beginning and the end.
_POLL_SECONDS: Final = 0.02
_FAR_POLL_SECONDS: Final = 0.25
_NEAR_RECORDS: Final = 20_000
#: A first start compiles the kernels, which may take a minute.
_PATIENCE_SECONDS: Final = 180.0


@dataclass(frozen=True)
class Drain:
    """What draining took.

    Attributes
    ----------
    start_up_seconds, start_up_cpu_seconds
        From the start of the worker until its first progress was seen, and the processor time it had used by then.
    events
        Records of the inputs processed after that.
    seconds, cpu_seconds
        From there until the lag of all topics was 0; the processor time includes what followed from what was held.
    peak_mib
        The most memory the worker held, start-up included.
    """

    start_up_seconds: float
    start_up_cpu_seconds: float
    events: int
    seconds: float
    cpu_seconds: float
    peak_mib: float

    @property
    def events_per_second(self) -> float | None:
        """How fast the backlog went; None where it was so small that it was gone at the first look."""
        return self.events / self.seconds if self.events else None

    @property
    def cpu_us_per_event(self) -> float | None:
        """Processor time of the worker in microseconds per event; None likewise."""
        return 1e6 * self.cpu_seconds / self.events if self.events else None


def drain(worker: LiveWorker, settings: Settings, records: int, show: Callable[[int], None], already: int = 0) -> Drain:
    """Follow a worker that was started a moment ago until it has processed so many records and all they led to.

    `already` is how many of them another worker had processed before.

    Raises
    ------
    EngineError
        The worker ended, stopped a partition, or made no progress for minutes.
    """
    started = time.monotonic()
    redis = open_redis(settings)
    while (at_first := _processed(redis, settings)) <= already:
        worker.check()
        if time.monotonic() - started > _PATIENCE_SECONDS:
            raise EngineError(f"The worker made no progress for {_PATIENCE_SECONDS:g} s: see {worker.log}.")
        time.sleep(_POLL_SECONDS)
    start_up_seconds = time.monotonic() - started
    return replace(drain_more(worker, settings, records, show, at_first), start_up_seconds=start_up_seconds)


def drain_more(worker: LiveWorker, settings: Settings, records: int, show: Callable[[int], None], done: int) -> Drain:
    """Follow a worker that is at work, and has processed so many of these records, until it has done the others, too.

    Raises
    ------
    EngineError
        As for `drain`.
    """
    began, before = time.monotonic(), worker.usage
    seconds = _until_quiet(worker, settings, records, show) - began
    after = worker.usage
    return Drain(
        start_up_seconds=0.0,
        start_up_cpu_seconds=before.cpu_seconds,
        events=records - done,
        seconds=seconds,
        cpu_seconds=after.cpu_seconds - before.cpu_seconds,
        peak_mib=after.peak_mib,
    )


def _processed(redis: Any, settings: Settings) -> int:
    positions = read(redis.hgetall, f"{settings.prefix}progress")
    return sum(int(text.split()[0]) for field, text in positions.items() if field.startswith((CLICKSTREAM, PURCHASES)))


def _until_quiet(worker: LiveWorker, settings: Settings, records: int, show: Callable[[int], None]) -> float:
    """Wait until there is no lag, nor is there any when the agents have told each other what they held; return the
    time of the former."""
    meter = LagMeter(settings)
    least, progressed = -1, time.monotonic()
    try:
        while True:
            done, lag = time.monotonic(), meter.count()
            if not lag.total:
                if meter.is_quiet():
                    return done
                continue
            worker.check()
            for partition in lag.partitions:
                if partition.stopped:
                    raise EngineError(partition.stopped)
            if lag.total != least:
                least, progressed = lag.total, time.monotonic()
            elif time.monotonic() - progressed > _PATIENCE_SECONDS:
                raise EngineError(
                    f"The worker is {lag.total} records behind and has made no progress for "
                    f"{_PATIENCE_SECONDS:g} s: see {worker.log}."
                )
            inputs = sum(p.lag for p in lag.partitions if p.topic in (CLICKSTREAM, PURCHASES))
            show(records - inputs)
            time.sleep(_POLL_SECONDS if inputs < _NEAR_RECORDS else _FAR_POLL_SECONDS)
    finally:
        meter.close()
