"""Clicks in an online shop for clothing, 2008 (UCI data set 553): a zip with one `;`-separated file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Final

from online_models.events import Event
from streams.sources.errors import broken_line
from streams.sources.moment import epoch_ms
from streams.sources.price import parse_price
from streams.sources.table import rows

_COLUMNS: Final = ("year", "month", "day", "order", "session ID", "page 2 (clothing model)", "price")

#: Made-up time between two clicks; the longest session (195 clicks) then stays within half an hour.
CLICK_SECONDS: Final = 9

#: Clicks of one; what is more is no place in a session.
_LONGEST_SESSION: Final = 10_000

#: A session starts at least this long before midnight, so that it does not cross it.
_STARTS_WITHIN_SECONDS: Final = 24 * 3600 - 1800

# About 0.618 of the span above and without a common factor: multiples of it spread sessions evenly over the
# day however many there are, and no two of a day start together.
_STRIDE: Final = 52_289


def read_clothing(path: Path) -> Iterator[Event]:
    """Yield every click as a view, in order of time; a session is a user of its own.

    **The time of day is made up.** The data only has the day and the order of a session's clicks. Here each
    session gets a start of its own within its day (computed from its number, the same every time), and its
    clicks follow each other every 9 seconds. Do not read daily rhythms or dwell times from it.

    The whole file is held in memory, because made-up times need sorting.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not a click.

    >>> from streams.sources import bundled
    >>> next(read_clothing(bundled("clothing"))).type
    'view'
    """
    events = []
    for line, fields in rows(path, _COLUMNS, delimiter=";"):
        try:
            events.append(_event(*fields))
        except ValueError as error:
            raise broken_line(path, line, error) from error
    events.sort(key=attrgetter("ts"))
    yield from events


def _event(year: str, month: str, day: str, order: str, session: str, model: str, price: str) -> Event:
    if not model:
        raise ValueError("the clothing model is empty")
    if not 0 <= int(order) <= _LONGEST_SESSION:
        raise ValueError(f"order {order!r} is not the place of a click in a session")
    start = int(session) * _STRIDE % _STARTS_WITHIN_SECONDS
    ts = _midnight_ms(year, month, day) + (start + int(order) * CLICK_SECONDS) * 1000
    return Event(f"clothing-{session}-{order}", "view", session, model, ts, parse_price(price))


@lru_cache(maxsize=8)
def _midnight_ms(year: str, month: str, day: str) -> int:
    return epoch_ms(datetime(int(year), int(month), int(day)))  # noqa: DTZ001 (epoch_ms takes it for UTC)
