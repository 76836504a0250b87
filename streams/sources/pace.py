"""When each record of a replay is due."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from streams.errors import SettingsError
from streams.sources.record import Record


def due_times(
    records: Iterable[Record], *, speed: float | None = None, rate: float | None = None
) -> Iterator[tuple[float, Record]]:
    """Yield each record with the seconds after the start at which it is due.

    `speed` is how many times faster than event time, `rate` is events per second; with neither, all are due
    at once. A record without event time is due with the one before it.

    Raises
    ------
    SettingsError
        Speed or rate is not above zero, or both are given; at once, not when the first record is taken.

    >>> views = [Record(b"ada", b"{}", False, ts) for ts in (60_000, 120_000, 3_660_000)]
    >>> [due for due, _ in due_times(views, speed=60)]
    [0.0, 1.0, 60.0]
    >>> [due for due, _ in due_times(views, rate=10)]
    [0.0, 0.1, 0.2]
    """
    if speed is not None and rate is not None:
        raise SettingsError("a replay was given both a speed and a rate; leave one of them out")
    for name, value in (("speed", speed), ("rate", rate)):
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise SettingsError(f"the {name} of a replay is {value}; give a number above 0")
    if rate is not None:
        return ((index / rate, record) for index, record in enumerate(records))
    if speed is not None:
        return _by_event_time(records, speed)
    return ((0.0, record) for record in records)


def _by_event_time(records: Iterable[Record], speed: float) -> Iterator[tuple[float, Record]]:
    first, due = None, 0.0
    for record in records:
        if record.ts is not None:
            first = record.ts if first is None else first
            due = (record.ts - first) / 1000 / speed
        yield due, record
