"""The codes in use, numbered in their order: a checkpoint names only the items that it needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Int32s, unlocked


class Numbering(NamedTuple):
    """Codes and their numbers.

    Sorting and searching would take fifty times as long, and a checkpoint is packed while events are folded.

    Attributes
    ----------
    used
        The codes, ascending.
    number
        By code.

    >>> numbering = Numbering.of(9, np.array([7, 3], np.int32), np.array([3, 5], np.int32))
    >>> numbering.used.tolist(), numbering.of_codes(np.array([7, 3], np.int32)).tolist()
    ([3, 5, 7], [2, 0])
    """

    used: Int32s
    number: Int32s

    @classmethod
    def of(cls, count: int, *codes: Int32s) -> Numbering:
        """The numbering of codes below `count`, with repetitions."""
        is_used = np.zeros(count, np.bool_)
        for some in codes:
            _mark(np.ascontiguousarray(some), is_used)
        used = np.flatnonzero(is_used).astype(np.int32)
        number = np.zeros(count, np.int32)
        number[used] = np.arange(len(used), dtype=np.int32)
        return cls(used, number)

    def of_codes(self, codes: Int32s) -> Int32s:
        """The numbers of codes in use."""
        numbers: Int32s = self.number.take(codes)
        return numbers


@unlocked
def _mark(codes: Int32s, is_used: NDArray[np.bool_]) -> None:
    for code in codes:
        is_used[code] = True
