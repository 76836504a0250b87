"""Searching a pool block by block finds what looking at one place after the other finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.similarity_search import found, weakest


@settings(max_examples=300, deadline=None)
@given(
    codes=st.lists(st.integers(0, 40) | st.integers(2**31 - 3, 2**31 - 1), min_size=1, max_size=150),
    bounds=st.tuples(st.integers(0, 150), st.integers(0, 150)),
    item=st.integers(0, 40) | st.integers(2**31 - 3, 2**31 - 1),
)
def test_an_item_is_found_where_it_is_first(codes: list[int], bounds: tuple[int, int], item: int) -> None:
    """Given any part of a pool, up to its very end, with others of that code before and behind it."""
    start, end = sorted(min(bound, len(codes)) for bound in bounds)
    part = codes[start:end]
    expected = start + part.index(item) if item in part else -1
    assert found(item, np.array(codes, np.int32), start, end) == expected


@settings(max_examples=100, deadline=None)
@given(data=st.data(), start=st.sampled_from([0, 8, 512]))
def test_the_weakest_is_the_first_of_the_lowest(data: st.DataObject, start: int) -> None:
    """Given few different weights, so that many are equal, and lower ones around the slab."""
    seed = data.draw(st.integers(0, 1000))
    weight = st.sampled_from([0.0, 1e-40, 0.5, 1.0, 2.0**100])
    low, rest = data.draw(weight), data.draw(weight)
    weights = np.full(start + 512 + 64, -1.0, np.float32)
    slab = weights[start : start + 512]
    slab[:] = rest
    rng = np.random.default_rng(seed)
    slab[rng.integers(0, 512, rng.integers(1, 9))] = low
    assert weakest(weights, start) == start + int(np.argmin(slab))


@pytest.mark.parametrize("place", [0, 1, 31, 32, 33, 511])
def test_every_place_of_a_slab_is_looked_at(place: int) -> None:
    weights, codes = np.ones(512, np.float32), np.zeros(512, np.int32)
    weights[place], codes[place] = 0.5, 7
    assert weakest(weights, 0) == place
    assert found(7, codes, 0, 512) == place


@pytest.mark.parametrize("length", [1, 8, 31, 32, 33, 500])
def test_what_lies_behind_a_list_is_not_in_it(length: int) -> None:
    codes = np.zeros(600, np.int32)
    codes[length] = 7
    assert found(7, codes, 0, length) == -1
    assert found(7, codes, 0, length + 1) == length
