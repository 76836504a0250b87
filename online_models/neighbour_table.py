"""The neighbour lists that a recommender reads, as arrays for its loops."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from online_models.compiled import Float32s, Floats, Int32s, compiled
from online_models.prefetch import prefetch
from online_models.uncounted import uncounted

#: Codes, or votes, in a cache line.
_LINE: Final = 16


class NeighbourTable(NamedTuple):
    """`place[code]` is the row of an item in the other arrays, -1 if nothing is known of it; see `votes`.

    Votes are kept to seven digits, of which a list shows four: every worker holds this table, of all items.
    """

    place: Int32s
    items: Int32s
    votes: Float32s
    lengths: Int32s


@compiled
def votes(similarities: Floats) -> Floats:
    """What similarities count when they are added up, s^(2/3): less than all, so that agreement counts more."""
    return np.cbrt(similarities * similarities)


@uncounted
def ask_for(items: Int32s, neighbours: NeighbourTable) -> None:
    """Ask for the memory of the lists of these items, of all of them at once."""
    for item in items:
        row = neighbours.place[item]
        if row >= 0:
            start = row * neighbours.items.shape[1]
            for place in range(start, start + neighbours.lengths[row], _LINE):
                prefetch(neighbours.items, place)
                prefetch(neighbours.votes, place)
