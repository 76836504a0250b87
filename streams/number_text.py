"""Numbers as text, written into arrays by kernels: what JSON and Redis want of them."""

from __future__ import annotations

import numpy as np

from online_models.compiled import Bytes
from online_models.uncounted import uncounted


@uncounted
def put_integer(number: int, at: int, out: Bytes) -> int:
    """Write a whole number from 0 on; return the place after it."""
    digits, power = 1, 10
    while number >= power:
        digits, power = digits + 1, power * 10
    for k in range(at + digits - 1, at - 1, -1):
        out[np.uint64(k)] = 48 + number % 10  # as an unsigned place, of which numba does not ask whether it is negative
        number //= 10
    return at + digits


@uncounted
def put_millionths(millionths: int, at: int, out: Bytes) -> int:
    """Write so many millionths as a decimal number: as many digits as it needs, but one at least, such as 0.5."""
    place = put_integer(millionths // 1_000_000, at, out)
    out[np.uint64(place)] = 46  # .
    place += 1
    fraction, needed = millionths % 1_000_000, 1
    for k in range(5, -1, -1):
        out[np.uint64(place + k)] = 48 + fraction % 10
        needed = max(needed, k + 1) if fraction % 10 else needed
        fraction //= 10
    return place + needed


@uncounted
def put_bytes(source: Bytes, start: int, end: int, at: int, out: Bytes) -> int:
    """Copy `source[start:end]`; return the place after it."""
    first, place = np.uint64(start), np.uint64(at)
    for k in range(np.uint64(end - start)):
        out[place + k] = source[first + k]
    return at + end - start
