"""Latencies in a few numbers."""

from __future__ import annotations

import numpy as np

from online_models.compiled import Floats


def percentiles(seconds: Floats) -> dict[str, float | int | None]:
    """Median, 95th and 99th percentile and maximum in ms, and of how many; NaN are left out.

    >>> percentiles(np.array([0.001, 0.002, 0.003, np.nan]))
    {'p50': 2.0, 'p95': 2.9, 'p99': 2.98, 'max': 3.0, 'count': 3}
    """
    known = 1000 * seconds[~np.isnan(seconds)]
    if len(known) == 0:
        return {"p50": None, "p95": None, "p99": None, "max": None, "count": 0}
    p50, p95, p99 = (round(float(p), 2) for p in np.percentile(known, [50, 95, 99]))
    return {"p50": p50, "p95": p95, "p99": p99, "max": round(float(known.max()), 2), "count": len(known)}
