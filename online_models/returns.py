"""Back to the same item: how often shoppers return to what they saw in this session, counted by where it stands.

A count is kept for every combination of

- recency: the item is the newest of the session, the one before, ... (0, 1, 2, 3, 4 to 5, 6 to 15);
- how the newest item came: for the first time in this session, back, or right again (`NEW`, `BACK`, `AGAIN`);
- whether the item itself was acted on once or more often in this session;
- how many distinct items the session has (1, 2, 3, 4 or more).

Each action of a session is a trial for all of its 16 newest items, and a success for the one it is on.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Floats, Int64s, compiled

#: How many of the newest distinct items of a session may be returned to; the rest is forgotten.
REACH: Final = 16
#: How the newest item of a session came.
NEW, BACK, AGAIN = 0, 1, 2
#: Rows of the table.
TRIALS, HITS = 0, 1
_PER_RECENCY: Final = 24
CELLS: Final = 6 * _PER_RECENCY
#: Trials for which the rate over all items of that recency stands, while a cell has few of its own.
_PRIOR: Final = 5.0
#: And what stands for that as long as nobody came: 0.01 hits in 1 trial.
_FIRST_GUESS: Final = 0.01


def nothing_counted() -> Int64s:
    """The table before anyone came: shape (2, CELLS), rows `TRIALS` and `HITS`."""
    return np.zeros((2, CELLS), np.int64)


@compiled
def cell(recency: int, how: int, more_than_once: int, distinct: int) -> int:
    """The column of an item; see the docstring of the module.

    >>> cell(0, NEW, 0, 1), cell(15, AGAIN, 1, 16)
    (0, 143)
    """
    place = recency if recency < 4 else (4 if recency < 6 else 5)
    return ((place * 3 + how) * 2 + more_than_once) * 4 + min(distinct, 4) - 1


@compiled
def count_action(counts: Int64s, how: int, seen_again: int, distinct: int, returned_to: int) -> None:
    """Count one action of a session.

    Parameters
    ----------
    counts
        The table, changed in place.
    how, seen_again, distinct
        The session before the action: how its newest item came; bit p set if the p-th newest item (from 0) was acted
        on more than once; how many distinct items it has.
    returned_to
        Which of them the action is on, the newest 0; -1 for an item that is new to the session.
    """
    for recency in range(min(distinct, REACH)):
        column = cell(recency, how, seen_again >> recency & 1, min(distinct, REACH))
        counts[TRIALS, column] += 1
        counts[HITS, column] += recency == returned_to


@compiled
def moved_to_front(seen_again: int, place: int) -> int:
    """The bits `seen_again` after an action on item number `place`, the newest 0; -1 for a new one.

    >>> bin(moved_to_front(0b0110, 3)), bin(moved_to_front(0b0110, -1)), bin(moved_to_front(0b0110, 1))
    ('0b1101', '0b1100', '0b101')
    """
    if place < 0:
        return seen_again << 1 & (1 << REACH) - 1
    before = (1 << min(place, REACH)) - 1
    beyond = seen_again & ~((before << 1) + 1)
    return ((seen_again & before) << 1 | beyond | 1) & (1 << REACH) - 1


@compiled
def chances(counts: Int64s) -> Floats:
    """How likely the next action is on an item: hits in trials, with few of them close to the rate of its recency.

    Parameters
    ----------
    counts
        Shape (p, 2, CELLS): p tables.

    Returns
    -------
    Floats
        Shape (p, CELLS): the chances that each of them gives, by `cell`.

    >>> round(float(chances(nothing_counted()[None])[0, cell(0, NEW, 0, 1)]), 6)
    0.01
    """
    found = np.empty((len(counts), CELLS))
    for table in range(len(counts)):
        for first in range(0, CELLS, _PER_RECENCY):
            of_recency = slice(first, first + _PER_RECENCY)
            trials, hits = counts[table, TRIALS, of_recency], counts[table, HITS, of_recency]
            usual = (hits.sum() + _FIRST_GUESS) / (trials.sum() + 1.0)
            found[table, of_recency] = (hits + _PRIOR * usual) / (trials + _PRIOR)
    return found
