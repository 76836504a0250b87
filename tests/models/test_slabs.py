"""The pool of slabs: nothing overlaps, nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models import slabs
from online_models.compiled import Int32s, Int64s
from tests.models.canonical import assert_pool_is_sound


@dataclass
class Pool:
    free: Int64s
    top: Int64s
    links: Int32s


def pool(places: int) -> Pool:
    return Pool(np.full(slabs.SIZES, -1, np.int64), np.zeros(1, np.int64), np.zeros(places, np.int32))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000), st.integers(0, slabs.SIZES - 1)), max_size=60))
def test_any_order_of_taking_and_giving_back(acts: list[tuple[bool, int, int]]) -> None:
    """Given a pool of three of the largest slabs, whatever is taken and given back, every place has one owner."""
    p = pool(3 * 512)
    held: list[tuple[int, int]] = []
    for taking, choice, size in acts:
        if taking:
            start = slabs.take(size, p.free, p.top, p.links)
            if start >= 0:
                held.append((start, size))
                p.links[start : start + slabs.slab_length(size)] = 7  # whoever holds a slab writes all over it
            else:
                assert p.top[0] + slabs.slab_length(size) > 3 * 512
                assert p.free[size] == -1
        elif held:
            start, size = held.pop(choice % len(held))
            slabs.give_back(size, start, p.free, p.links)
        table = np.array(held, np.int32).reshape(-1, 2)
        assert_pool_is_sound(table[:, 0], table[:, 1], p.free, p.top, p.links)


def test_the_sizes() -> None:
    assert [slabs.slab_length(size) for size in range(slabs.SIZES)] == [
        8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512,
    ]  # fmt: skip
    assert slabs.slab_lengths(np.arange(-1, slabs.SIZES, dtype=np.int32)).tolist() == [
        0, *(slabs.slab_length(size) for size in range(slabs.SIZES))
    ]  # fmt: skip


def test_a_slab_given_back_is_the_next_one_taken() -> None:
    p = pool(64)
    first, second = (slabs.take(0, p.free, p.top, p.links) for _ in range(2))
    slabs.give_back(0, first, p.free, p.links)
    slabs.give_back(0, second, p.free, p.links)
    assert [slabs.take(0, p.free, p.top, p.links) for _ in range(3)] == [second, first, 16]


def test_a_full_pool_says_so_and_stays_as_it_was() -> None:
    p = pool(24)
    assert slabs.take(2, p.free, p.top, p.links) == 0
    assert slabs.take(2, p.free, p.top, p.links) == -1
    assert slabs.take(0, p.free, p.top, p.links) == 16
