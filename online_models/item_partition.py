"""Which item partition owns an item: CRC-32 of its id, so that any language can compute it."""

from __future__ import annotations

import zlib

import numpy as np

from online_models.compiled import Int32s
from online_models.reserve import long_enough
from online_models.vocabulary import Vocabulary


def item_partition(item: str, partitions: int) -> int:
    """The item partition of one id.

    >>> item_partition("lamp", 4)
    2
    """
    return zlib.crc32(item.encode()) % partitions


class ItemPartitions:
    """The item partition of every code of a vocabulary."""

    def __init__(self, items: Vocabulary, partitions: int) -> None:
        self.items = items
        self.partitions = partitions
        self._owners: Int32s = np.zeros(64, np.int32)
        self._known = 0

    def of(self, codes: Int32s) -> Int32s:
        """The partitions of item codes."""
        owned: Int32s = self.by_code()[codes]
        return owned

    def by_code(self) -> Int32s:
        """The partition of every code there is; longer than that."""
        self._owners = long_enough(self._owners, len(self.items))
        new = np.arange(self._known, len(self.items))
        if len(new):
            self._owners[new] = [item_partition(name, self.partitions) for name in self.items.names_of(new)]
            self._known = len(self.items)
        return self._owners
