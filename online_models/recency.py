"""A pool of rows in order of their last use: who came last is at one end, who has been away longest at the other.

Rows are records with the `int32` fields `shopper`, `older` and `newer`, and whatever else somebody keeps in them. The
ends of the list, and what is free, are four numbers of an array: those at `OLDEST`, `NEWEST`, `FREE` and `USED`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Int32s, Int64s, Structs, compiled

#: Places in `ends`: the first and the last row of the list (-1: empty), the first free row (-1: none), which leads to
#: the others through `newer`, and how many rows were ever used.
OLDEST, NEWEST, FREE, USED = 0, 1, 2, 3
_NONE: Final = -1


def nobody() -> Int64s:
    """The `ends` of an empty pool."""
    return np.array([_NONE, _NONE, _NONE, 0], np.int64)


@compiled
def has_room(rows: Structs, ends: Int64s) -> bool:
    """Whether `enter` finds a free row."""
    return bool(ends[FREE] >= 0 or ends[USED] < len(rows))


@compiled
def enter(shopper: int, rows: Structs, ends: Int64s) -> int:
    """Give a shopper a row, as the newest of the list; return its number. There has to be room."""
    row = ends[FREE]
    if row >= 0:
        ends[FREE] = rows[row].newer
    else:
        row = ends[USED]
        ends[USED] += 1
    rows[row].shopper = shopper
    _append(row, rows, ends)
    return int(row)


@compiled
def leave(row: int, rows: Structs, ends: Int64s) -> None:
    """Take a row out of the list; it is free from then on."""
    _unlink(row, rows, ends)
    rows[row].shopper = _NONE
    rows[row].newer = ends[FREE]
    ends[FREE] = row


@compiled
def move_to_newest(row: int, rows: Structs, ends: Int64s) -> None:
    """The shopper of this row did something."""
    if ends[NEWEST] != row:
        _unlink(row, rows, ends)
        _append(row, rows, ends)


@compiled
def in_order(rows: Structs, ends: Int64s) -> Int32s:
    """The rows of the list, the oldest first."""
    found = np.zeros(ends[USED], np.int32)
    count, row = 0, ends[OLDEST]
    while row >= 0:
        found[count] = row
        count, row = count + 1, rows[row].newer
    return found[:count]


@compiled
def _append(row: int, rows: Structs, ends: Int64s) -> None:
    newest = ends[NEWEST]
    rows[row].older, rows[row].newer = newest, _NONE
    if newest >= 0:
        rows[newest].newer = row
    else:
        ends[OLDEST] = row
    ends[NEWEST] = row


@compiled
def _unlink(row: int, rows: Structs, ends: Int64s) -> None:
    older, newer = rows[row].older, rows[row].newer
    if older >= 0:
        rows[older].newer = newer
    else:
        ends[OLDEST] = newer
    if newer >= 0:
        rows[newer].older = older
    else:
        ends[NEWEST] = older
