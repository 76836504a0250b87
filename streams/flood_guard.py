"""One bad event is set aside; a flood of them means that something upstream broke, and stops the partition."""

from __future__ import annotations

from collections import deque


class FloodGuard:
    """Watches the share of rejected records in a sliding window over one partition.

    Parameters
    ----------
    window_events
        How many records the window holds; nothing is judged before it is full.
    max_rejected_share
        More than this share is a flood.

    >>> guard = FloodGuard(window_events=4, max_rejected_share=0.5)
    >>> guard.is_flooded(records=2, rejected=2), guard.is_flooded(records=2, rejected=1)
    (False, True)
    """

    def __init__(self, window_events: int, max_rejected_share: float) -> None:
        self.window_events = window_events
        self.max_rejected_share = max_rejected_share
        self._batches: deque[tuple[int, int]] = deque()
        self.records = 0
        self.rejected = 0

    def is_flooded(self, records: int, rejected: int) -> bool:
        """Take note of a micro-batch; say whether the window holds too many rejections."""
        self._batches.append((records, rejected))
        self.records += records
        self.rejected += rejected
        while self.records - self._batches[0][0] >= self.window_events:
            oldest_records, oldest_rejected = self._batches.popleft()
            self.records -= oldest_records
            self.rejected -= oldest_rejected
        return self.records >= self.window_events and self.rejected > self.max_rejected_share * self.records
