"""Who owns an item: the same answer in every language and every process."""

from __future__ import annotations

import binascii

import numpy as np
import pytest

from online_models.item_partition import ItemPartitions, item_partition
from online_models.vocabulary import Vocabulary


@pytest.mark.parametrize("partitions", [1, 4, 7])
def test_the_partition_is_the_crc32_of_the_id(partitions: int) -> None:
    items = Vocabulary()
    owners = ItemPartitions(items, partitions)
    for names in (["lamp", "bulb", "läm💡p"], [f"item {n}" for n in range(500)]):  # learned in two goes
        codes = items.codes(names)
        assert owners.of(codes).tolist() == [binascii.crc32(name.encode()) % partitions for name in names]
        assert owners.of(codes).tolist() == [item_partition(name, partitions) for name in names]


def test_items_spread_evenly() -> None:
    items = Vocabulary()
    owned = np.bincount(ItemPartitions(items, 4).of(items.codes(f"item {n}" for n in range(4000))))
    assert (np.abs(owned - 1000) < 120).all()
