"""The return table: its columns, and the bits that go with a session."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

from online_models.returns import CELLS, HITS, REACH, TRIALS, cell, count_action, moved_to_front, nothing_counted


def test_every_combination_has_a_column_of_its_own() -> None:
    columns = [
        cell(recency, how, often, distinct)
        for recency, how, often, distinct in product((0, 1, 2, 3, 4, 6), range(3), range(2), range(1, 5))
    ]
    assert columns == list(range(CELLS))


@pytest.mark.parametrize("how", range(3))
def test_what_is_further_away_is_told_apart_less(how: int) -> None:
    assert cell(4, how, 1, 6) == cell(5, how, 1, 6) < cell(6, how, 1, 7) == cell(15, how, 1, 16)
    assert cell(0, how, 1, 3) < cell(0, how, 1, 4) == cell(0, how, 1, 16)


@pytest.mark.parametrize("seed", range(20))
def test_the_bits_follow_the_items(seed: int) -> None:
    """Given a random walk over 40 items, each bit says whether the item at that place was seen more than once."""
    rng = np.random.default_rng(seed)
    seen: Counter[int] = Counter()
    newest: list[int] = []
    bits = 0
    for item in (rng.geometric(0.1, size=200) % 40).tolist():
        bits = moved_to_front(bits, newest.index(item) if item in newest else -1)
        newest = [item, *(other for other in newest if other != item)]
        seen[item] += 1
        assert [bits >> p & 1 for p in range(REACH)] == [
            int(p < len(newest) and seen[newest[p]] > 1) for p in range(REACH)
        ]
        assert bits < 1 << REACH


def test_an_action_is_a_trial_for_the_newest_items_and_a_hit_for_one() -> None:
    counts = nothing_counted()
    count_action(counts, 0, 0, 20, 17)
    assert (counts[TRIALS].sum(), counts[HITS].sum()) == (16, 0)
    count_action(counts, 0, 0, 20, 3)
    assert (counts[TRIALS].sum(), counts[HITS].sum()) == (32, 1)
    assert counts[HITS, cell(3, 0, 0, 16)] == 1
    count_action(counts, 0, 0, 0, -1)
    assert counts.sum() == 33
