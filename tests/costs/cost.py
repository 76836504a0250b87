"""What a call costs in counts that are the same on every machine and however busy it is."""

from __future__ import annotations

import contextlib
import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import online_models
import streams

#: Lines count where they are ours, so that another version of a library is no other cost.
_OURS: Final = tuple(str(Path(package.__file__ or "").parent) for package in (online_models, streams))


class Cost(NamedTuple):
    """Of one call.

    Attributes
    ----------
    steps
        Lines of our Python that ran, and calls of Python and C functions, ours and others'. Machine code is free.
    objects
        Small blocks of memory, which is where Python's objects live, that a line of ours left behind, summed over
        lines; whether they were let go later does not matter.
    bytes
        The most memory that was held at a time beyond what was held before; also that of numpy, not that of numba.
    """

    steps: int
    objects: int
    bytes: int


def cost_of(ready: Callable[[], Callable[[], object]]) -> Cost:
    """The cost of a call that `ready` prepares; it is made three times, as the first time kernels are compiled.

    >>> numbers = list(range(1000))
    >>> cost_of(lambda: lambda: [str(number) for number in numbers]).bytes > 50 * len(numbers)
    True
    """
    ready()()
    return Cost(*_steps_and_objects(ready()), _bytes(ready()))


def _steps_and_objects(call: Callable[[], object]) -> tuple[int, int]:
    count = made = last = 0

    def on_line(_: FrameType, event: str, __: Any) -> Any:
        nonlocal count, made, last
        if event == "line":
            count += 1
            held = sys.getallocatedblocks()
            made += max(held - last, 0)
            last = held
        return on_line

    def on_frame(frame: FrameType, _: str, __: Any) -> Any:
        return on_line if frame.f_code.co_filename.startswith(_OURS) else None

    def on_call(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    tracing, profiling = sys.gettrace(), sys.getprofile()
    with _no_garbage_collection():
        last = sys.getallocatedblocks()
        sys.settrace(on_frame)
        sys.setprofile(on_call)
        try:
            call()
        finally:
            sys.setprofile(profiling)
            sys.settrace(tracing)
    return count, made


def _bytes(call: Callable[[], object]) -> int:
    with _no_garbage_collection():
        tracemalloc.start()
        try:
            held, _ = tracemalloc.get_traced_memory()
            call()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return peak - held


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Finalizers of other tests' leavings are no cost of this call."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
