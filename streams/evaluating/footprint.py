"""How much memory a model holds."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

#: What no model holds, though references lead there.
_NOT_HELD = (type, ModuleType, FunctionType)


def bytes_of(model: object) -> int:
    """Size of an object and of everything it holds, each thing once; whole arrays, reserve included.

    >>> bytes_of(np.zeros(1000)) > 8000
    True
    """
    seen: set[int] = set()
    total = 0
    waiting: list[Any] = [model]
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, _NOT_HELD):
            seen.add(id(thing))
            total += sys.getsizeof(thing)
            waiting.extend(_parts(thing))
    return total


def _parts(thing: Any) -> list[Any]:
    if isinstance(thing, np.ndarray):
        return [] if thing.base is None else [thing.base]
    if isinstance(thing, Mapping):
        return [*thing.keys(), *thing.values()]
    if isinstance(thing, (list, tuple, set, frozenset, deque)):
        return list(thing)
    return [vars(thing)] if hasattr(thing, "__dict__") else []
