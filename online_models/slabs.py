"""Lists of very different lengths in one array: most items have five neighbours, a few have hundreds.

A pool is cut into slabs of 8, 12, 16, 24, 32, 48, … 384, 512 places: were each twice the one before, two fifths more
than there is would lie idle, and so it is a quarter. A list that outgrows its slab moves to one of the next size
and gives the old one back. The pool's arrays (one per column) share the same places; free slabs of a size form a
linked list through the first place of the `int32` column.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Int32s, Int64s, compiled

SIZES: Final = 13


def places(starts: Int32s, lengths: Int32s) -> Int64s:
    """The places of many lists in a pool, list after list.

    >>> places(np.array([8, 0], np.int32), np.array([2, 3], np.int32)).tolist()
    [8, 9, 0, 1, 2]
    """
    before = np.cumsum(lengths, dtype=np.int64) - lengths
    found: Int64s = np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
    return found


def slab_lengths(sizes: Int32s) -> Int64s:
    """`slab_length` of many; 0 for a size of -1, which is no slab."""
    known = np.maximum(sizes, 0).astype(np.int64)
    lengths: Int64s = np.where(sizes >= 0, (8 + 4 * (known & 1)) << (known >> 1), 0)
    return lengths


@compiled
def slab_length(size: int) -> int:
    """How many places a slab of size class `size` (0 … SIZES - 1) has: 8, 12, 16, 24, … 512."""
    return int((8 + 4 * (size & 1)) << (size >> 1))


@compiled
def take(size: int, free: Int64s, top: Int64s, links: Int32s) -> int:
    """The start of a slab of size class `size`, or -1 if the pool has to grow first.

    `free` holds the first free slab of each size, `top[0]` the end of what was ever used, `links` is the pool's
    `int32` column.
    """
    start = int(free[size])
    if start >= 0:
        free[size] = links[start]
        return start
    if top[0] + slab_length(size) > links.size:
        return -1
    start = int(top[0])
    top[0] += slab_length(size)
    return start


@compiled
def give_back(size: int, start: int, free: Int64s, links: Int32s) -> None:
    """Return a slab to the pool."""
    links[start] = free[size]
    free[size] = start
