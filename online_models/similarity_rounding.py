"""Sums in `float32` that are right however long they are.

Were each sum rounded to the nearest, what is less than 2^-25 of it would be lost every time, and a sum of equal parts
would never exceed 2^25 of them. So it is rounded up as often as what is dropped is a part of the step: what is lost at
one time is made up for at another. When, is drawn from the event time, so that the same events give the same bits.
"""

from __future__ import annotations

import numpy as np

from online_models.compiled import compiled

#: How many binary digits a `float64` has behind those of a `float32`.
_DROPPED = np.uint64(29)
_KEPT = ~np.uint64((1 << 29) - 1)
#: 2^64 over the golden ratio: multiples of it are spread evenly, those of consecutive numbers, too.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@compiled
def drawn(ts: int) -> np.uint64:
    """A number below 2^29, the same for the same event time."""
    return (np.uint64(ts) * _GOLDEN) >> (np.uint64(64) - _DROPPED)


@compiled
def rounded_by(draw: np.uint64, exact: float) -> np.float32:
    """One of the two `float32` around a positive sum; all draws together, that sum. A `float32` stays what it is."""
    bits = np.float64(exact).view(np.uint64)
    return np.float32(np.uint64((bits + draw) & _KEPT).view(np.float64))
