"""MovieLens 100K as RecBole has it: `user_id:token`, `item_id:token`, `rating:float`, `timestamp:float`."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Final

from online_models.events import Event
from streams.sources.errors import broken_line
from streams.sources.moment import seconds_ms
from streams.sources.table import rows

_COLUMNS: Final = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
#: Only the highest rating counts as liked, as in research on streams of positive feedback.
_LIKED: Final = 5.0


def read_movielens(path: Path) -> Iterator[Event]:
    """Yield every rating of 5 as a view, in order of time; those of the same second in file order.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not a rating.
    """
    events = []
    for line, (user, item, rating, seconds) in rows(path, _COLUMNS, delimiter="\t"):
        try:
            if float(rating) == _LIKED:
                ts = seconds_ms(float(seconds)) // 1000 * 1000
                events.append(Event(f"movielens-{line}", "view", user, item, ts))
        except ValueError as error:
            raise broken_line(path, line, error) from error
    events.sort(key=attrgetter("ts"))
    yield from events
