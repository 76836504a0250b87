"""Longer arrays with little that lies idle: an eighth."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Dtype = TypeVar("Dtype", bound=np.generic)


def extended(array: NDArray[Dtype], length: int) -> NDArray[Dtype]:
    """A longer copy, with zeros behind: `length` and a reserve. Copying comes to nine times what is there in the end.

    >>> len(extended(np.zeros(64, np.int32), 65)), len(extended(np.zeros(8000, np.int32), 8001))
    (129, 9001)
    """
    longer = np.zeros((length + max(64, length // 8), *array.shape[1:]), array.dtype)
    as_bytes(longer)[: len(array)] = as_bytes(array)
    return longer


def long_enough(array: NDArray[Dtype], length: int, fill: float = 0) -> NDArray[Dtype]:
    """The array itself if it is long enough, else a longer copy as `extended` makes it, filled up with `fill`.

    >>> long_enough(np.zeros(64, np.int32), 65, fill=-1)[63:66].tolist()
    [0, -1, -1]
    """
    if length <= len(array):
        return array
    longer = extended(array, length)
    if fill:
        longer[len(array) :] = fill
    return longer


def taken(records: NDArray[Dtype], places: NDArray[np.integer[Any]]) -> NDArray[Dtype]:
    """Copies of some records, as numpy would make them field by field.

    >>> taken(np.array([(1, 2.0), (3, 4.0)], "i4,f8"), np.array([1])).tolist()
    [(3, 4.0)]
    """
    return as_bytes(records).take(places).view(records.dtype)


def as_bytes(array: NDArray[Dtype]) -> NDArray[np.void]:
    """The same memory, element by element as bytes: copying records field by field would be slow."""
    return array.view(np.dtype((np.void, array.dtype.itemsize)))
