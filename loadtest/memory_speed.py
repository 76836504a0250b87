"""How near memory is: a processor shares its last cache, and the way to memory, with whoever else is on it."""

from __future__ import annotations

import statistics
import time
from typing import Final

import numpy as np

_ROUNDS: Final = 9
_READS: Final = 1_000_000
#: What fits into the cache of a core, and what only fits into the last one, of which somebody else may need the most.
_NEAR_BYTES, _FAR_BYTES = 256 * 1024, 16 * 1024 * 1024


def memory_speed() -> dict[str, float]:
    """Milliseconds for a million reads from anywhere in 256 KiB, and in 16 MiB; where to is a list of 8 MiB for both.

    >>> sorted(memory_speed())
    ['far_memory_ms', 'near_memory_ms']
    """
    return {"near_memory_ms": _milliseconds(_NEAR_BYTES), "far_memory_ms": _milliseconds(_FAR_BYTES)}


def _milliseconds(size: int) -> float:
    numbers = np.arange(size // 4, dtype=np.int32)
    places = np.random.default_rng(1).integers(0, len(numbers), _READS)
    found, seconds = np.empty(_READS, np.int32), []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        numbers.take(places, out=found, mode="wrap")
        seconds.append(time.perf_counter() - began)
    return round(1000 * statistics.median(seconds), 2)
