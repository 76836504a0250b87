"""One partition's deliveries, put into order and processed one micro-batch after the other.

The shoppers agent reads two topics, and Kafka orders only within one. While a backlog is drained, one topic could run
hours ahead of the other, and a purchase would arrive long after the session it belongs to. So a lane goes by event
time: it takes the older entries first, and waits for a topic that is known to have more before it goes beyond what it
has of it. (Kafka Streams does the same, KIP-695.)
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol

from faust.types import TP

from streams.decoding import Record
from streams.delivery import LARGEST_DELIVERY

#: A topic with more records than this waiting is not fetched until fewer than half of them are left.
_MOST_WAITING: Final = 4 * LARGEST_DELIVERY
#: How long to wait for records that Kafka is known to have; their offsets may be gaps, with nothing behind them.
_PATIENCE_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.01
RunTask = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Entry(NamedTuple):
    """A record as its agent read it: event time in ms (None if it has none), the record, and what it says."""

    time: int | None
    record: Record
    content: Any


class Flow(Protocol):
    """What a lane needs of Faust's consumer."""

    def highwater(self, tp: TP) -> int | None:
        """The offset the next record of a partition will get, as of the last fetch; None before the first."""

    def on_buffer_full(self, tp: TP) -> None:
        """Fetch no more of a partition for now."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch again."""


@dataclass
class _Inlet:
    """One topic's part of the lane.

    Attributes
    ----------
    next_offset
        The offset after the last record that was delivered.
    waiting, times
        Entries that wait, and the highest event time up to each: time may step back, the order of a topic may not.
    held, excused
        Whether fetching is suspended; whether its patience is used up.
    """

    next_offset: int
    waiting: list[Entry] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    held: bool = False
    excused: bool = False

    def add(self, entries: Iterable[Entry]) -> None:
        """Put entries behind those that wait; what was delivered before is dropped."""
        latest = self.times[-1] if self.times else -1
        for entry in entries:
            if entry.record.offset >= self.next_offset:
                if entry.time is not None and entry.time > latest:
                    latest = entry.time
                self.waiting.append(entry)
                self.times.append(latest)
                self.next_offset = entry.record.offset + 1

    def cut(self, count: int) -> list[tuple[int, Entry]]:
        """Take the first entries away, with their times."""
        part = list(zip(self.times[:count], self.waiting[:count], strict=True))
        self.times, self.waiting = self.times[count:], self.waiting[count:]
        return part


class Lane:
    """Processes one partition of one or several topics.

    Parameters
    ----------
    starts
        The partition of each topic, with the offset where reading begins.
    process
        Folds and publishes one micro-batch: entries of all topics of the lane, merged by event time, the order
        within a topic kept. Called with no entries now and then when the lane is idle.
    pause
        After how many seconds of idleness it is called again.
    flow
        Faust's consumer.
    run_task
        Starts a coroutine as a task whose failure ends the process.
    """

    def __init__(
        self,
        starts: Mapping[TP, int],
        process: Callable[[Sequence[Entry]], Awaitable[None]],
        pause: Callable[[], float],
        flow: Flow,
        run_task: RunTask,
    ) -> None:
        self._inlets = {tp: _Inlet(offset) for tp, offset in starts.items()}
        self._process = process
        self._pause = pause
        self._flow = flow
        self._arrived = asyncio.Event()
        self._finishing = False
        self._task = run_task(self._run())

    def put(self, tp: TP, entries: Sequence[Entry]) -> None:
        """Add a delivery; what was delivered before is dropped."""
        inlet = self._inlets[tp]
        inlet.add(entries)
        inlet.excused = False
        if len(inlet.waiting) > _MOST_WAITING and not inlet.held:
            inlet.held = True
            self._flow.on_buffer_full(tp)
        self._arrived.set()

    def expected(self, tp: TP) -> int:
        """The offset of the next record to come in."""
        return self._inlets[tp].next_offset

    def skip_to(self, tp: TP, offset: int) -> None:
        """Go on at a later offset: what lies before it will not come."""
        self._inlets[tp].next_offset = offset

    async def finish(self) -> None:
        """Finish the micro-batch in hand, and drop those that wait: their next owner will read them again."""
        self._finishing = True
        self._arrived.set()
        await self._task

    async def _run(self) -> None:
        while not self._finishing:
            entries = self._take()
            if entries:
                await self._process(entries)
                await asyncio.sleep(0)  # heartbeats and timers get their turn while a backlog is drained
            else:
                await self._wait()

    async def _wait(self) -> None:
        """Until something arrives; with something in hand, no longer than patience lasts."""
        self._arrived.clear()
        if not any(inlet.waiting for inlet in self._inlets.values()):
            await self._idle()
            return
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._arrived.is_set() and self._late_inlets():
            if time.monotonic() > deadline:
                for inlet in self._late_inlets():
                    inlet.excused = True
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _idle(self) -> None:
        while not self._finishing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), self._pause())
                return
            await self._process([])

    def _late_inlets(self) -> list[_Inlet]:
        """The topics that have nothing here although Kafka has more."""
        return [inlet for tp, inlet in self._inlets.items() if not inlet.waiting and not self._is_complete(tp, inlet)]

    def _is_complete(self, tp: TP, inlet: _Inlet) -> bool:
        if inlet.excused:
            return True
        highwater = self._flow.highwater(tp)
        return highwater is not None and inlet.next_offset >= highwater

    def _take(self) -> list[Entry]:
        """The entries that are safe to process now, merged by time."""
        if len(self._inlets) == 1:
            return [
                record for tp, inlet in self._inlets.items() for _, record in self._cut(tp, inlet, LARGEST_DELIVERY)
            ]
        if self._late_inlets():
            return []
        bound = min((self._bound(tp, inlet) for tp, inlet in self._inlets.items()), default=math.inf)
        taken = [
            pair
            for tp, inlet in self._inlets.items()
            for pair in self._cut(tp, inlet, min(bisect_right(inlet.times, bound), LARGEST_DELIVERY))
        ]
        taken.sort(key=itemgetter(0))
        return [entry for _, entry in taken]

    def _bound(self, tp: TP, inlet: _Inlet) -> float:
        """The time up to which no entry of this topic is missing from what would be taken now."""
        if len(inlet.waiting) > LARGEST_DELIVERY:
            return inlet.times[LARGEST_DELIVERY - 1]
        return math.inf if self._is_complete(tp, inlet) else inlet.times[-1]

    def _cut(self, tp: TP, inlet: _Inlet, count: int) -> list[tuple[int, Entry]]:
        part = inlet.cut(count)
        if inlet.held and len(inlet.waiting) < _MOST_WAITING // 2:
            inlet.held = False
            self._flow.on_buffer_drop(tp)
        return part
