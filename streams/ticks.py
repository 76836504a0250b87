"""Moments at which all partitions do what they do now and then, so that they do it together."""

from __future__ import annotations

import time


def next_tick(seconds: float) -> float:
    """The next multiple of so many seconds on the monotonic clock; with 0 now.

    >>> next_tick(0.25) % 0.25, 0 < next_tick(0.25) - time.monotonic() <= 0.25
    (0.0, True)
    """
    now = time.monotonic()
    return (now // seconds + 1.0) * seconds if seconds else now
