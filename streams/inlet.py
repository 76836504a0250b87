"""One topic's part of a lane: portions that wait."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from online_models.compiled import Int64s
from streams.portion import Portion


class Inlet:
    """Portions in the order of the topic, each with the highest event time up to each of its records.

    Time may step back, the order of a topic may not.

    Attributes
    ----------
    next_offset
        Where reading goes on.
    delivered
        The offset after the last record that came in; between it and `next_offset` there is none.
    waiting
        How many records wait.
    held, excused
        Whether fetching is suspended; whether the lane's patience with it is used up.
    late_since
        Since when the lane waits for it; infinity if it does not.
    """

    def __init__(self, next_offset: int) -> None:
        self.next_offset = self.delivered = next_offset
        self.waiting = 0
        self.held = False
        self.excused = False
        self.late_since = math.inf
        self._parts: deque[tuple[Int64s, Portion[Any]]] = deque()

    def add(self, portion: Portion[Any]) -> None:
        """Put records behind those that wait; what was delivered before is dropped."""
        if not len(portion):
            return
        if portion.offset[0] < self.next_offset:
            known = int(np.searchsorted(portion.offset, self.next_offset))
            if known == len(portion):
                return
            portion = portion.chosen(slice(known, None))
        latest = self._parts[-1][0][-1] if self._parts else -1
        self._parts.append((np.maximum.accumulate(np.maximum(portion.time, latest)), portion))
        self.waiting += len(portion)
        self.next_offset = self.delivered = int(portion.offset[-1]) + 1

    def time(self, place: int) -> int:
        """The highest event time up to a waiting record, by its place in the line; -1 is the last."""
        if place < 0:
            return int(self._parts[-1][0][place])
        for times, _ in self._parts:
            if place < len(times):
                return int(times[place])
            place -= len(times)
        raise IndexError(place)

    def count_until(self, bound: float) -> int:
        """How many of the first records are no later than this."""
        count = 0
        for times, _ in self._parts:
            if times[-1] > bound:
                return count + int(np.searchsorted(times, bound, side="right"))
            count += len(times)
        return count

    def cut(self, count: int) -> list[tuple[Int64s, Portion[Any]]]:
        """Take the first records away, with their times."""
        taken = []
        self.waiting -= count
        while count > 0:
            times, portion = self._parts.popleft()
            if len(times) > count:
                rest = slice(count, None)
                self._parts.appendleft((times[rest], portion.chosen(rest)))
                times, portion = times[:count], portion.chosen(slice(count))
            taken.append((times, portion))
            count -= len(times)
        return taken
