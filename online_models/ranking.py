"""The one order of every list upwell gives out: higher score first, equal scores by item id."""

from __future__ import annotations

import numpy as np

from online_models.compiled import Bytes, Floats, Int32s, Int64s, compiled
from online_models.uncounted import uncounted
from online_models.vocabulary import comes_before


@compiled
def rounded(score: float) -> float:
    """A score as it is given out, to six decimals: what looks equal to a reader is equal to the ranking."""
    return np.floor(score * 1e6 + 0.5) / 1e6  # type: ignore[no-any-return]


@uncounted
def insert(item: int, score: float, length: int, ids: Int32s, scores: Floats, text: Bytes, ends: Int64s) -> int:
    """Put an item into a ranked list of `length` entries, in place; the last one falls off a full list.

    Returns where it stands now, or -1 if it is too weak for a full list.
    """
    at = length
    while at > 0 and score > scores[at - 1]:
        at -= 1
    while at > 0 and score == scores[at - 1] and comes_before(text, ends, item, ids[at - 1]):
        at -= 1
    if at == len(ids):
        return -1
    for j in range(min(length, len(ids) - 1), at, -1):
        ids[j], scores[j] = ids[j - 1], scores[j - 1]
    ids[at], scores[at] = item, score
    return at
