"""Memory to copy into, used again and again: to get fresh memory from the system takes longer than to copy."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Dtype = TypeVar("Dtype", bound=np.generic)


class Spare:
    """Holds an array for every name that was copied, as large as the largest so far.

    A copy is good until the next one of that name is made.

    >>> spare = Spare()
    >>> spare.copy("weights", np.arange(3)).tolist()
    [0, 1, 2]
    """

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[np.generic]] = {}

    def copy(self, name: str, array: NDArray[Dtype]) -> NDArray[Dtype]:
        """A copy of an array."""
        held = self._arrays.get(name)
        if held is None or len(held) < len(array) or held.dtype != array.dtype:
            held = self._arrays[name] = np.empty(len(array) + len(array) // 8, array.dtype)
        copied: NDArray[Dtype] = held[: len(array)]  # type: ignore[assignment]
        copied.view(np.uint8)[...] = np.ascontiguousarray(array).view(np.uint8)  # records field by field would be slow
        return copied
