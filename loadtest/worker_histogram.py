"""What the worker itself says about freshness: from Kafka's timestamp of an event until its outputs are in Redis."""

from __future__ import annotations

import numpy as np

from online_models.compiled import Int64s
from streams.counters import BOUNDS, percentile
from streams.reading import open_redis, read
from streams.settings import Settings


def worker_histogram(settings: Settings) -> Int64s:
    """The histogram so far (see `streams.counters`), summed over the workers."""
    redis = open_redis(settings)
    total = np.zeros(len(BOUNDS) + 1, np.int64)
    for key in redis.scan_iter(f"{settings.prefix}worker:*"):
        if text := read(redis.hget, key, "freshness"):
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
