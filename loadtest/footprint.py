"""How many bytes the parts of an object hold, each thing counted once, named by the path of attributes to it."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

#: Objects of other packages are not looked into: connections, loops, loggers.
_OURS: Final = ("online_models.", "streams.", "river.", "loadtest.")
_SMALL: Final = (str, bytes, bytearray, int, float)
_LISTS: Final = (list, tuple, set, frozenset, deque)


def footprint(roots: Mapping[str, object]) -> dict[str, int]:
    """Bytes by path, the largest first; what several paths lead to is counted under the shortest.

    Elements of lists and dicts go by the name of the list or dict, so that all partitions of an agent are one part. An
    array in a dict whose key is a text goes by that key, too. Arrays count in full, touched or not.

    >>> class Shelf:
    ...     def __init__(self):
    ...         self.names, self.prices = ["lamp"], np.zeros(1000)
    ...         self.same_prices, self.copies = self.prices[10:], {"names": np.zeros(10)}
    >>> Shelf.__module__ = "loadtest.footprint"
    >>> parts = footprint({"shelf": Shelf()})
    >>> parts["shelf.prices"], "shelf.same_prices" in parts, parts["shelf.copies.names"], parts["shelf.names"] > 50
    (8000, False, 80, True)
    """
    held: Counter[str] = Counter()
    seen: set[int] = set()
    waiting, views = deque(roots.items()), deque[tuple[str, Any]]()
    while waiting or views:
        path, thing = waiting.popleft() if waiting else views.popleft()
        owner = _owner(thing)
        if owner is not thing:
            views.append((path, owner))  # the memory of a view goes by the name of its owner, if that has one
            continue
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if size := _size(thing):
            held[path] += size
        waiting.extend(_inside(path, thing))
    return dict(held.most_common())


def _owner(thing: Any) -> Any:
    """The array whose memory a view shows; anything else itself."""
    while isinstance(thing, np.ndarray) and thing.base is not None:
        thing = thing.base
    return thing


def _size(thing: Any) -> int:
    if isinstance(thing, np.ndarray):
        return int(thing.nbytes)
    return sys.getsizeof(thing) if isinstance(thing, (*_SMALL, *_LISTS, dict)) else 0


def _inside(path: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """What a thing refers to, and the paths to it."""
    if isinstance(thing, np.ndarray):
        if thing.dtype.hasobject:
            yield from ((path, element) for element in thing.ravel().tolist())
    elif isinstance(thing, dict):
        for key, part in thing.items():
            yield path, key
            yield f"{path}.{key}" if isinstance(key, str) and isinstance(part, np.ndarray) else path, part
    elif isinstance(thing, tuple) and hasattr(thing, "_fields"):
        yield from ((f"{path}.{name}", part) for name, part in zip(thing._fields, thing, strict=True))
    elif isinstance(thing, _LISTS):
        yield from ((path, part) for part in thing)
    if type(thing).__module__.startswith(_OURS):
        yield from ((f"{path}.{name}", part) for name, part in _attributes(thing))


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(thing, "__dict__", {}).items()
    names = {name for kind in type(thing).__mro__ for name in _slots(kind)}
    yield from ((name, getattr(thing, name)) for name in sorted(names) if hasattr(thing, name))


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    found = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in found if name not in ("__dict__", "__weakref__"))
