"""The items of a block as 0, 1, 2, … in order of appearance: the block spells each of them once.

A small hash table from code to number. Where it has a place for every code there is, no two codes ever meet in it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Int32s
from online_models.uncounted import uncounted

FREE: Final = -1


def numbered(codes: Int32s, known: int) -> tuple[Int32s, Int32s]:
    """The different ones of item codes in order of appearance, and for each code its place among them."""
    slots = np.full(slots_for(len(codes), known), FREE, np.int32)
    different, numbers = np.empty(len(codes), np.int32), np.empty(len(codes), np.int32)
    return different[: _number_all(codes, slots, different, numbers)], numbers


def slots_for(codes: int, known: int) -> int:
    """A power of two: a place for every code there is, or else twice as many as there can be different ones."""
    return 1 << max(4, (min(2 * codes, known) - 1).bit_length())


@uncounted
def slots_used(rows: int, available: int) -> int:
    """How many slots the items of so many rows need: a power of two."""
    used = 16
    while used < 4 * rows and used < available:
        used *= 2
    return used


@uncounted
def number_one(code: int, slots: Int32s, mask: np.uint64, different: Int32s, first: int, known: int) -> int:
    """The number of a code; a new one gets the next."""
    slot = np.uint64(code) & mask
    while slots[slot] >= 0 and different[np.uint64(first + slots[slot])] != code:
        slot = (slot + np.uint64(1)) & mask
    if slots[slot] < 0:
        slots[slot], different[np.uint64(first + known)] = known, code
    return slots[slot]  # type: ignore[no-any-return]


@uncounted
def _number_all(codes: Int32s, slots: Int32s, different: Int32s, numbers: Int32s) -> int:
    known, mask = 0, np.uint64(len(slots) - 1)
    for n in range(np.uint64(len(codes))):
        numbers[n] = number_one(codes[n], slots, mask, different, 0, known)
        known += numbers[n] == known
    return known
