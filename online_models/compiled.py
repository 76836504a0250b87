"""Numba behind one typed decorator, and the array types its functions take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from online_models.kernel_cache import kept

Int8s = NDArray[np.int8]
UInt16s = NDArray[np.uint16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Structs = NDArray[np.void]
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile to machine code at the first call, and keep the result on disk for the next process.

    Fast maths stays off: the same input has to give the same bits.
    """
    return kept(function)


def unlocked(function: Function) -> Function:
    """`compiled`, and other threads may run Python meanwhile: for kernels that are called once for a lot of work.

    Whoever calls one in a thread sees to it that nobody else changes its arrays.
    """
    return kept(function, nogil=True)
