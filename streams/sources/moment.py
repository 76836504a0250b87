"""Turn a date into event time."""

from __future__ import annotations

from datetime import UTC, datetime


def epoch_ms(moment: datetime) -> int:
    """Epoch milliseconds of a moment; one without a time zone is in UTC.

    >>> epoch_ms(datetime.fromisoformat("2019-10-01T02:00:00.250+02:00"))
    1569888000250
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
