"""The REES46 multi-category shop: `event_time,event_type,product_id,...,price,user_id,user_session`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from online_models.events import Event
from streams.sources.errors import broken_line
from streams.sources.moment import epoch_ms
from streams.sources.price import parse_price
from streams.sources.table import rows

_TYPES: Final = {
    "view": "view",
    "cart": "add_to_cart",
    "remove_from_cart": "remove_from_cart",
    "purchase": "purchase",
}


def read_rees46(path: Path, item: str = "product_id") -> Iterator[Event]:
    """Yield one event per row, in file order, which must be the order of time.

    Rows that repeat each other are events of their own. The id is made of event time and row number: reading
    the file again gives the same ids, and another day's file gives other ones. A row that ends after its
    user id, as the last of the bundled file does, counts. Event times have a resolution of one second.

    Parameters
    ----------
    path
        The file.
    item
        The column to take for the item; with `category_id` an event is on the category of its item.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not an event or is earlier than the one before it.

    >>> from streams.sources import bundled
    >>> next(read_rees46(bundled("rees46"))).item_id
    '44600062'
    """
    latest = 0
    for row, (line, fields) in enumerate(rows(path, ("event_time", "event_type", item, "price", "user_id")), 1):
        try:
            event = _event(row, *fields)
        except ValueError as error:
            raise broken_line(path, line, error) from error
        if event.ts < latest:
            raise broken_line(path, line, "this is earlier than the line before", "sort the file by event_time")
        latest = event.ts
        yield event


def _event(row: int, event_time: str, event_type: str, product: str, price: str, user: str) -> Event:
    ts = _milliseconds(event_time)
    kind = _TYPES.get(event_type)
    if kind is None:
        raise ValueError(f"event_type {event_type!r} is none of {', '.join(_TYPES)}")
    if not product or not user:
        raise ValueError("product_id or user_id is empty")
    return Event(f"rees46-{ts}-{row}", kind, user, product, ts, parse_price(price))


# Rows of one second follow each other, so a short memory spares nearly all the parsing.
@lru_cache(maxsize=8)
def _milliseconds(text: str) -> int:
    return epoch_ms(datetime.fromisoformat(text.removesuffix(" UTC")))
