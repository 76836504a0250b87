"""What the worker itself says about freshness: from Kafka's timestamp of an event until its outputs are in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from online_models.compiled import Int64s
from streams.counters import BOUNDS, percentile
from streams.reading import open_redis, read
from streams.settings import Settings

_AT_ONCE: Final = 1000


class WorkerHistogram:
    """The histograms (see `streams.counters`) of the workers that there are now, summed.

    They are looked for once, before anything is timed: it takes a walk through all keys, which would keep Redis from
    what is timed.
    """

    def __init__(self, settings: Settings) -> None:
        self._redis = open_redis(settings)
        self._keys: Sequence[str] = list(self._redis.scan_iter(f"{settings.prefix}worker:*", count=_AT_ONCE))

    def so_far(self) -> Int64s:
        """How many events there were in each bucket."""
        total = np.zeros(len(BOUNDS) + 1, np.int64)
        for key in self._keys:
            if text := read(self._redis.hget, key, "freshness"):
                total += np.array(text.split(","), np.int64)
        return total


def worker_stage(before: Int64s, after: Int64s) -> dict[str, float | int | None]:
    """Percentiles in ms, to 5 %, of the events between two histograms."""
    between = after - before
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    found: dict[str, float | int | None] = {}
    for name, share in shares.items():
        value = percentile(between, share)
        found[name] = None if value is None else round(value, 2)
    return {**found, "count": int(between.sum())}
