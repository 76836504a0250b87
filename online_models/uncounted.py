"""Numba without the counting of references: for kernels that make no arrays and only work in those they are lent.

Otherwise every call of a function counts each of its arrays up and down again, atomically: some ten nanoseconds per
array, which for helpers called with every event is most of what they take. Who calls such a kernel keeps the arrays
alive; it may neither make an array (numba refuses to compile that) nor return one (that would free it too early).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from online_models.kernel_cache import kept

Function = TypeVar("Function", bound=Callable[..., Any])


def uncounted(function: Function) -> Function:
    """`compiled`, for a function that neither makes nor returns arrays."""
    return kept(function, _nrt=False)  # what numba itself uses where there is no runtime for references
