"""Duplicates are known for at least the promised window, and memory stays within its bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.duplicates import RecentIds


def distinct_since(ids: list[str], place: int) -> int | None:
    """How many other ids came since the id at `place` was seen before; None if it never was."""
    for earlier in range(place - 1, -1, -1):
        if ids[earlier] == ids[place]:
            return len(set(ids[earlier + 1 : place]))
    return None


@pytest.mark.parametrize("window", [1, 10, 100, 600, 1024])
def test_an_id_is_known_as_long_as_promised_and_not_much_longer(window: int) -> None:
    """An id is a duplicate if fewer than `window` others came since; after twice as many it is forgotten."""
    rng = np.random.default_rng(window)
    ids = [f"e{number}" for number in rng.integers(0, 4 * window + 2, size=12 * window + 50)]
    new = RecentIds(window).learn_many(ids).tolist()
    for place in range(len(ids)):
        distance = distinct_since(ids, place)
        if distance is None or distance >= 2 * window:
            assert new[place]
        elif distance < window:
            assert not new[place]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=8), st.integers(1, 20))
def test_batches_make_no_difference(batches: list[list[int]], window: int) -> None:
    whole, parts = RecentIds(window), RecentIds(window)
    names = [[f"e{number}" for number in batch] for batch in batches]
    expected = whole.learn_many(name for batch in names for name in batch).tolist()
    assert [new for batch in names for new in parts.learn_many(batch).tolist()] == expected


def test_memory_has_a_bound() -> None:
    recent = RecentIds(3000)
    for start in range(0, 100_000, 5_000):
        assert recent.learn_many(f"e{number}" for number in range(start, start + 5_000)).all()
        assert recent.tables.young.nbytes + recent.tables.old.nbytes <= 64 * 3000
        assert recent.tables.held[0] <= 3000


def test_memory_grows_with_what_was_seen() -> None:
    recent = RecentIds()
    recent.learn_many(f"e{number}" for number in range(100))
    assert recent.tables.young.nbytes + recent.tables.old.nbytes < 20_000


def test_no_ids_at_all() -> None:
    assert RecentIds().learn_many([]).tolist() == []
