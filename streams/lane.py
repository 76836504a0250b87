"""One partition's deliveries, put into order.

The shoppers agent reads two topics, and Kafka orders only within one. While a backlog is drained, one topic could run
hours ahead of the other, and a purchase would arrive long after the session it belongs to. So a lane goes by event
time: it gives out the older records first, and waits for a topic that is known to have more before it goes beyond what
it has of it. (Kafka Streams does the same, KIP-695.)
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from faust.types import TP

from online_models.compiled import Int64s
from streams.delivery import LARGEST_DELIVERY
from streams.inlet import Inlet
from streams.portion import Portion

#: A topic with more records than this waiting is not fetched until fewer than half of them are left.
_MOST_WAITING: Final = 4 * LARGEST_DELIVERY
#: How long to wait for records that Kafka is known to have; their offsets may be gaps, with nothing behind them.
_PATIENCE_SECONDS: Final = 2.0
#: How often it is looked whether Kafka still has more: soon at first, then more rarely.
_LOOK_SECONDS: Final = 0.005
_LONGEST_LOOK_SECONDS: Final = 0.04


class Flow(Protocol):
    """What a lane needs of Faust's consumer."""

    def highwater(self, tp: TP) -> int | None:
        """The offset the next record of a partition will get, as of the last fetch; None before the first."""

    def on_buffer_full(self, tp: TP) -> None:
        """Fetch no more of a partition for now."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch again."""


class Reading(NamedTuple):
    """How far a partition has come in.

    Attributes
    ----------
    delivered
        The offset after the last record.
    next_offset
        Where reading goes on: between the two are Kafka's own marks.
    """

    delivered: int
    next_offset: int


class Lane:
    """Holds what waits of one partition of one or several topics.

    Parameters
    ----------
    starts
        The partition of each topic, with the offset where reading begins.
    flow
        Faust's consumer.
    """

    def __init__(self, starts: Mapping[TP, int], flow: Flow) -> None:
        self._inlets = {tp: Inlet(offset) for tp, offset in starts.items()}
        self._flow = flow
        self._look_seconds = _LOOK_SECONDS

    def put(self, tp: TP, portion: Portion[Any]) -> None:
        """Add a delivery; what was delivered before is dropped."""
        inlet = self._inlets[tp]
        inlet.add(portion)
        inlet.excused = False
        self._look_seconds = _LOOK_SECONDS
        # Again and again: Faust resumes what it held itself, and knows no other reason.
        if inlet.waiting > _MOST_WAITING:
            inlet.held = True
            self._flow.on_buffer_full(tp)

    def expected(self, tp: TP) -> int:
        """The offset of the next record to come in."""
        return self._inlets[tp].next_offset

    def reading(self, tp: TP) -> Reading:
        """How far a topic's partition has come in."""
        return Reading(self._inlets[tp].delivered, self._inlets[tp].next_offset)

    def skip_to(self, tp: TP, offset: int) -> None:
        """Know that there is nothing more before an offset."""
        self._inlets[tp].next_offset = max(self._inlets[tp].next_offset, offset)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not any(inlet.waiting for inlet in self._inlets.values())

    def pause(self) -> float:
        """In how many seconds to look again, if nothing comes in, after there was nothing to take."""
        return math.inf if self.is_empty else self._look_seconds

    def take(self, most: int = LARGEST_DELIVERY) -> Portion[Any] | None:
        """The records that are safe to process now, so many of each topic at most, merged by time; None for none."""
        if self.is_empty or (len(self._inlets) > 1 and not self._may_go_on()):
            return None
        bound = min(self._bound(tp, inlet, most) for tp, inlet in self._inlets.items())
        taken = [
            part
            for tp, inlet in self._inlets.items()
            for part in self._cut(tp, inlet, min(inlet.count_until(bound), most))
        ]
        if not taken:
            return None
        portion = Portion.joined([part for _, part in taken])
        if len({int(part.topic[0]) for _, part in taken}) == 1:
            return portion
        return portion.chosen(np.argsort(np.concatenate([times for times, _ in taken]), kind="stable"))

    def _may_go_on(self) -> bool:
        """Whether no topic is late, or patience with those that are is used up."""
        now, late = time.monotonic(), list[Inlet]()
        for tp, inlet in self._inlets.items():
            if inlet.waiting or self._is_complete(tp, inlet):
                inlet.late_since = math.inf
            else:
                inlet.late_since = min(inlet.late_since, now)
                late.append(inlet)
        if late:
            if now <= max(inlet.late_since for inlet in late) + _PATIENCE_SECONDS:
                self._look_seconds = min(2 * self._look_seconds, _LONGEST_LOOK_SECONDS)
                return False
            for inlet in late:
                inlet.excused = True
        return True

    def _is_complete(self, tp: TP, inlet: Inlet) -> bool:
        if inlet.excused:
            return True
        highwater = self._flow.highwater(tp)
        return highwater is not None and inlet.next_offset >= highwater

    def _bound(self, tp: TP, inlet: Inlet, most: int) -> float:
        """The time up to which no record of this topic is missing from what would be taken now."""
        if len(self._inlets) == 1 or not inlet.waiting:
            return math.inf  # it was complete a moment ago; the thread that fetches may have seen more since
        if inlet.waiting > most:
            return inlet.time(most - 1)
        return math.inf if self._is_complete(tp, inlet) else inlet.time(-1)

    def _cut(self, tp: TP, inlet: Inlet, count: int) -> list[tuple[Int64s, Portion[Any]]]:
        parts = inlet.cut(count)
        if inlet.held and inlet.waiting < _MOST_WAITING // 2:
            inlet.held = False
            self._flow.on_buffer_drop(tp)
        return parts
