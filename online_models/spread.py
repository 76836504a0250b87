"""How the places in lists are spread over the items: how many items get one, and how many go to the most popular."""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Int64s, Structs
from online_models.reserve import long_enough
from online_models.vocabulary import Vocabulary

#: Per item: actions on it, halved with every window, the last window in which it was listed, and whether it is popular.
ITEM: Final = np.dtype([("actions", np.float32), ("window", np.int32), ("popular", np.bool_)], align=True)
#: Places in `Spread.counts`: number of the window (from 1), and what it holds so far.
WINDOW, LISTS, PLACES, POPULAR, LISTED = 0, 1, 2, 3, 4
_SHORTEST_WINDOW: Final = 1000
_POPULAR_SHARE: Final = 0.01


class Spread:
    """Coverage and popularity share over windows of as many lists as there are items, 1,000 at least.

    An item is popular in a window if it was among the hundredth part of all items with the most actions before, those
    of each window counting half as much as those of the next. Actions and lists are counted in `online_models.shown`.

    Attributes
    ----------
    coverage
        Share of the known items that were in any list of the last full window; None before there was one.
    popular_share
        Share of the places in those lists that popular items had; None before there were two windows.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.items: Structs = np.zeros(64, ITEM)
        self.counts: Int64s = np.array([1, 0, 0, 0, 0], np.int64)
        self.coverage: float | None = None
        self.popular_share: float | None = None

    def make_room(self) -> None:
        """Have a record for every item that is known."""
        self.items = long_enough(self.items, len(self.vocabulary))

    def turn_over(self) -> None:
        """End the window if it is full: tell of it, and find out what is popular in the next one."""
        known = len(self.vocabulary)
        if self.counts[LISTS] < max(_SHORTEST_WINDOW, known):
            return
        self.coverage = int(self.counts[LISTED]) / known
        if self.counts[WINDOW] > 1:
            self.popular_share = int(self.counts[POPULAR]) / max(int(self.counts[PLACES]), 1)
        items = self.items[:known]
        most = max(1, int(known * _POPULAR_SHARE))
        items["popular"] = False
        items["popular"][np.argpartition(items["actions"], known - most)[known - most :]] = True
        items["actions"] *= 0.5
        self.counts[:] = (self.counts[WINDOW] + 1, 0, 0, 0, 0)
