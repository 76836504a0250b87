"""Several bytes at a time: little-endian numbers out of text, and whether two texts are the same.

Places are `np.uint64`. With a signed one numba asks before every access whether it counts from the end; without that,
the loads of neighbouring bytes become a single one. Nothing here checks bounds: whoever calls knows them.
"""

from __future__ import annotations

import numpy as np

from online_models.compiled import Bytes
from online_models.uncounted import uncounted


@uncounted
def word(text: Bytes, at: np.uint64) -> np.uint64:
    """`text[at:at + 8]`."""
    low, high = half_word(text, at), half_word(text, at + np.uint64(4))
    return low | (high << np.uint64(32))


@uncounted
def half_word(text: Bytes, at: np.uint64) -> np.uint64:
    """`text[at:at + 4]`."""
    low = np.uint64(text[at]) | (np.uint64(text[at + np.uint64(1)]) << np.uint64(8))
    high = np.uint64(text[at + np.uint64(2)]) | (np.uint64(text[at + np.uint64(3)]) << np.uint64(8))
    return low | (high << np.uint64(16))


@uncounted
def is_same(one: Bytes, at: np.uint64, other: Bytes, place: np.uint64, length: np.uint64) -> bool:
    """Whether `one[at:at + length]` is `other[place:place + length]`."""
    if length >= np.uint64(8):
        last = length - np.uint64(8)
        k = np.uint64(0)
        while k < last:
            if word(one, at + k) != word(other, place + k):
                return False
            k += np.uint64(8)
        return bool(word(one, at + last) == word(other, place + last))
    if length >= np.uint64(4):
        last = length - np.uint64(4)
        first = half_word(one, at) ^ half_word(other, place)
        return bool(first | (half_word(one, at + last) ^ half_word(other, place + last)) == np.uint64(0))
    k = np.uint64(0)
    while k < length:
        if one[at + k] != other[place + k]:
            return False
        k += np.uint64(1)
    return True
