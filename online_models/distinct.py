"""The different ones of many codes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Int32s
from online_models.reserve import long_enough
from online_models.uncounted import uncounted

#: So many marks side by side are unset in the time of one somewhere.
_AT_ONCE: Final = np.uint64(32)


class Distinct:
    """Finds the different codes of many, ascending: `np.unique`, which sorts all of them, several times as fast.

    It has a mark for every code there may be, and keeps them: fresh ones, all of them unset, would be fresh memory for
    every call, a page of which takes as long as hundreds of codes.

    >>> Distinct().among(np.array([7, 2, 7], np.int32), 8).tolist()
    [2, 7]
    """

    def __init__(self) -> None:
        self._marks: NDArray[np.bool_] = np.zeros(64, np.bool_)

    def among(self, codes: Int32s, length: int) -> Int32s:
        """The different ones of codes below `length`."""
        self._marks = long_enough(self._marks, length)
        found = np.empty(len(codes) + 1, np.int32)
        found = found[: _first_of_each(codes, self._marks, found)]
        found.sort()
        return found


@uncounted
def _first_of_each(codes: Int32s, marks: NDArray[np.bool_], out: Int32s) -> int:
    """Write each code once, into one place more than there may be; return how many there are."""
    count = np.uint64(0)
    for code in codes:
        out[count] = code
        count += np.uint64(not marks[np.uint64(code)])
        marks[np.uint64(code)] = True
    if count < np.uint64(len(marks)) // _AT_ONCE:
        for n in range(count):
            marks[np.uint64(out[n])] = False
    else:
        marks[:] = False
    return np.int64(count)  # type: ignore[return-value]
