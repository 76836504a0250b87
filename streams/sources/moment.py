"""Turn a date, or seconds, into event time."""

from __future__ import annotations

from datetime import UTC, datetime

from streams.event_limits import LATEST_MS


def epoch_ms(moment: datetime) -> int:
    """Epoch milliseconds of a moment; one without a time zone is in UTC.

    >>> epoch_ms(datetime.fromisoformat("2019-10-01T02:00:00.250+02:00"))
    1569888000250
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def seconds_ms(seconds: float) -> int:
    """Epoch milliseconds of epoch seconds.

    Raises
    ------
    ValueError
        They are not from 1970 to the year 9999.

    >>> seconds_ms(1569888000.25)
    1569888000250
    """
    if not 0 <= seconds <= LATEST_MS // 1000:  # nor if it is nan
        raise ValueError(f"{str(seconds)[:40]} is not a number of seconds since 1970")
    return round(seconds * 1000)
