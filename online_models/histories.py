"""What shoppers did, as the recommender wants to know it: of one partition in place, of several put side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from online_models.compiled import Int32s, Int64s, Structs
from online_models.reserve import as_bytes, taken
from online_models.shopper_records import SHOPPER, Shelves
from online_models.uncounted import uncounted


class Histories(NamedTuple):
    """What n shoppers did.

    Attributes
    ----------
    shoppers
        Their records, of dtype `SHOPPER`.
    items
        The pool that the records point into.
    returns
        Shape (p, 2, CELLS): what `online_models.returns` counted in each of the partitions.
    partition
        Shape (n,): which of these is a shopper's.
    """

    shoppers: Structs
    items: Int32s
    returns: Int64s
    partition: Int32s

    @classmethod
    def of(cls, groups: Sequence[tuple[Int32s, Shelves]]) -> Histories:
        """Those of some shoppers of each of some partitions, by their codes.

        It holds until the next fold: the pool of a single partition is not copied.
        """
        if len(groups) == 1:
            codes, shelves = groups[0]
            of_one = np.zeros(len(codes), np.int32)
            return cls(taken(shelves.shoppers, codes), shelves.items, shelves.returns[None], of_one)
        parts = [taken(shelves.shoppers, codes) for codes, shelves in groups]
        shoppers = np.concatenate([as_bytes(part) for part in parts]).view(SHOPPER)
        lengths = [len(part) for part in parts]
        returns = np.stack([shelves.returns for _, shelves in groups])
        partition = np.repeat(np.arange(len(groups), dtype=np.int32), lengths)
        ends, at = np.cumsum(lengths).tolist(), 0
        items = np.empty(sum(int(shoppers[name].sum(dtype=np.int64)) for name in _LENGTHS), np.int32)
        for (_, shelves), start, end in zip(groups, [0, *ends[:-1]], ends, strict=True):
            at = _bring(shoppers[start:end], shelves.items, items, at)
        return cls(shoppers, items, returns, partition)


#: How much of the pool a shopper takes.
_LENGTHS = ("items_length", "cart_length", "bought_length")


@uncounted
def _bring(shoppers: Structs, pool: Int32s, items: Int32s, at: int) -> int:
    """Copy what shoppers point to from their pool into another one, from `at` on; return where that ends."""
    for n in range(len(shoppers)):
        s = shoppers[n]
        start, s.items_start = s.items_start, at
        for k in range(s.items_length):
            items[at + k] = pool[start + k]
        at += s.items_length
        start, s.owned_start = s.owned_start, at
        for k in range(s.cart_length + s.bought_length):
            items[at + k] = pool[start + k]
        at += s.cart_length + s.bought_length
    return at
