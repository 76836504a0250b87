"""Taobao user behaviour: `user_id,item_id,category_id,behavior,ts`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from online_models.events import Event
from streams.sources.errors import broken_line
from streams.sources.moment import seconds_ms
from streams.sources.table import rows

_TYPES: Final = {"pv": "view", "cart": "add_to_cart", "fav": "add_to_wishlist", "buy": "purchase"}


def read_taobao(path: Path, item: str = "item_id") -> Iterator[Event]:
    """Yield one event per row, in file order, which must be the order of `ts` (whole seconds since 1970).

    The published file has no header and is grouped by user: put the header first and sort the rest by `ts`.
    There are no prices. Ids are made of event time and row number, the same every time the file is read.

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
    """
    latest = 0
    for row, (line, fields) in enumerate(rows(path, ("user_id", item, "behavior", "ts")), 1):
        try:
            event = _event(row, *fields)
        except ValueError as error:
            raise broken_line(path, line, error) from error
        if event.ts < latest:
            raise broken_line(path, line, "this is earlier than the line before", "sort the file by ts")
        latest = event.ts
        yield event


def _event(row: int, user: str, item: str, behavior: str, seconds: str) -> Event:
    ts = seconds_ms(int(seconds))
    kind = _TYPES.get(behavior)
    if kind is None:
        raise ValueError(f"behavior {behavior!r} is none of {', '.join(_TYPES)}")
    if not user or not item:
        raise ValueError("user_id or item_id is empty")
    return Event(f"taobao-{ts}-{row}", kind, user, item, ts)
