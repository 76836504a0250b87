"""What trends over all items, merged from what trends in every item partition."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from online_models.event_time import HOUR_MS
from online_models.ranking import rounded
from online_models.trending import HALF_LIFE_HOURS, TOP


class TrendingPart(msgspec.Struct, frozen=True):
    """What trends in one item partition: decayed weights of items, and of all together, as of an event time (ms)."""

    partition: int
    as_of: int
    total: float
    items: list[tuple[str, float]]


def merged(parts: Iterable[TrendingPart]) -> tuple[list[tuple[str, float]], int]:
    """The items with the largest share of all weight as of the newest part, ties by id; and that event time.

    >>> merged([TrendingPart(0, 0, 3.0, [("lamp", 2.0)]), TrendingPart(1, 0, 1.0, [("bulb", 1.0)])])
    ([('lamp', 0.5), ('bulb', 0.25)], 0)
    """
    parts = list(parts)
    as_of = max(part.as_of for part in parts)
    factors = [2.0 ** ((part.as_of - as_of) / (HALF_LIFE_HOURS * HOUR_MS)) for part in parts]
    total = sum(part.total * factor for part, factor in zip(parts, factors, strict=True))
    if not total:  # all of it so long ago that it has faded to nothing
        return [], as_of
    shares = [
        (item, rounded(weight * factor / total))
        for part, factor in zip(parts, factors, strict=True)
        for item, weight in part.items
    ]
    return sorted(shares, key=lambda entry: (-entry[1], entry[0]))[:TOP], as_of


def trending_list(shares: list[tuple[str, float]], as_of: int, source: str) -> bytes:
    """The value of a `trending:` key, in the form of a `rec:` key."""
    entries = [{"id": item, "score": share, "because": None} for item, share in shares]
    return msgspec.json.encode({"items": entries, "as_of": as_of, "source": source})
