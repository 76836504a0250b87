"""Would the shopper have seen it? The lists on show, and how often the next item was in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from online_models.compiled import Int32s, Int64s, compiled
from online_models.recommendation import Recommendations
from online_models.vocabulary import grown

_NONE: Final = -1


@dataclass
class Quality:
    """Hits among the lists that were on show when a shopper moved on to another item.

    Attributes
    ----------
    predictions
        How often a shopper moved on, in a session, to an item other than the one looked at.
    hits
        How often that item was in the list on show.
    reciprocal_ranks
        Sum of 1 / rank over the hits.
    """

    predictions: int = 0
    hits: int = 0
    reciprocal_ranks: float = 0.0


class ListsOnShow:
    """The last list written for every shopper of a partition, scored against what the shopper does next.

    A list is counted only if it was written before the event that tests it, so this is what visitors of the shop
    experienced, delays included. It is a measurement, not state: a restart begins it anew.
    """

    def __init__(self, length: int) -> None:
        self.items: Int32s = np.full((64, length), _NONE, np.int32)
        self.current: Int32s = np.full(64, _NONE, np.int32)
        self.last_seen: Int64s = np.zeros(64, np.int64)

    def score_many(self, shoppers: Int32s, items: Int32s, ts: Int64s, gap_ms: int, quality: Quality) -> None:
        """Score events (impressions left out) against the lists on show, adding to `quality`."""
        if len(shoppers) == 0:
            return
        most = int(shoppers.max()) + 1
        self.items = grown(self.items, most, fill=_NONE)
        self.current = grown(self.current, most, fill=_NONE)
        self.last_seen = grown(self.last_seen, most)
        counts = np.zeros(2, np.int64)
        quality.reciprocal_ranks += _score(
            shoppers, items, ts, gap_ms, self.items, self.current, self.last_seen, counts
        )
        quality.predictions += int(counts[0])
        quality.hits += int(counts[1])

    def show_many(self, shoppers: Int32s, lists: Recommendations) -> None:
        """Put new lists on show."""
        most = int(shoppers.max()) + 1 if len(shoppers) else 0
        self.items = grown(self.items, most, fill=_NONE)
        filled = np.arange(lists.items.shape[1]) < lists.lengths[:, None]
        self.items[shoppers] = np.where(filled, lists.items, _NONE)


@compiled
def _score(
    shoppers: Int32s,
    items: Int32s,
    ts: Int64s,
    gap_ms: int,
    shown: Int32s,
    current: Int32s,
    last_seen: Int64s,
    counts: Int64s,
) -> float:
    total = 0.0
    for i in range(len(shoppers)):
        shopper = shoppers[i]
        moved_on = current[shopper] >= 0 and current[shopper] != items[i] and ts[i] - last_seen[shopper] <= gap_ms
        if moved_on:
            counts[0] += 1
            for rank in range(shown.shape[1]):
                if shown[shopper, rank] == items[i]:
                    counts[1] += 1
                    total += 1.0 / (rank + 1)
        current[shopper] = items[i]
        last_seen[shopper] = max(last_seen[shopper], ts[i])
    return total
