"""One partition's deliveries, put into order and processed one micro-batch after the other.

The shoppers agent reads two topics, and Kafka orders only within one. While a backlog is drained, one topic could run
hours ahead of the other, and a purchase would arrive long after the session it belongs to. So a lane goes by event
time: it takes the older records first, and waits for a topic that is known to have more before it goes beyond what it
has of it. (Kafka Streams does the same, KIP-695.)
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

import numpy as np
from faust.types import TP

from online_models.compiled import Int64s
from streams.delivery import LARGEST_DELIVERY
from streams.inlet import Inlet
from streams.portion import Portion
from streams.rounds import Rounds

#: A topic with more records than this waiting is not fetched until fewer than half of them are left.
_MOST_WAITING: Final = 4 * LARGEST_DELIVERY
#: How long to wait for records that Kafka is known to have; their offsets may be gaps, with nothing behind them.
_PATIENCE_SECONDS: Final = 2.0
#: How often it is looked whether Kafka still has more: soon at first, then more rarely.
_LOOK_SECONDS: Final = 0.005
_LONGEST_LOOK_SECONDS: Final = 0.04
RunTask = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Flow(Protocol):
    """What a lane needs of Faust's consumer."""

    def highwater(self, tp: TP) -> int | None:
        """The offset the next record of a partition will get, as of the last fetch; None before the first."""

    def on_buffer_full(self, tp: TP) -> None:
        """Fetch no more of a partition for now."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch again."""


class Lane:
    """Processes one partition of one or several topics.

    Parameters
    ----------
    starts
        The partition of each topic, with the offset where reading begins.
    process
        Folds and publishes one micro-batch: records of all topics of the lane, merged by event time, the order
        within a topic kept. Called with None now and then when the lane is idle.
    pause
        After how many seconds of idleness it is called again.
    flow
        Faust's consumer.
    run_task
        Starts a coroutine as a task whose failure ends the process.
    rounds
        In which micro-batches are processed.
    """

    def __init__(
        self,
        starts: Mapping[TP, int],
        process: Callable[[Portion[Any] | None], Awaitable[None]],
        pause: Callable[[], float],
        flow: Flow,
        run_task: RunTask,
        rounds: Rounds,
    ) -> None:
        self._inlets = {tp: Inlet(offset) for tp, offset in starts.items()}
        self._process = process
        self._pause = pause
        self._flow = flow
        self._rounds = rounds
        self._arrived = asyncio.Event()
        self._finishing = False
        self._task = run_task(self._run())

    def put(self, tp: TP, portion: Portion[Any]) -> None:
        """Add a delivery; what was delivered before is dropped."""
        inlet = self._inlets[tp]
        inlet.add(portion)
        inlet.excused = False
        if (
            inlet.waiting > _MOST_WAITING
        ):  # again and again: Faust resumes what it held itself, and knows no other reason
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
            if not self._has_waiting() or not await self._take_turn():
                await self._wait()

    async def _take_turn(self) -> bool:
        """Process what is safe to process when it is our turn; False if nothing is."""
        async with self._rounds:
            portion = None if self._finishing else self._take()
            if portion is not None:
                await self._process(portion)
        return portion is not None

    async def _wait(self) -> None:
        """Until something arrives; with something in hand, no longer than patience lasts."""
        self._arrived.clear()
        if not self._has_waiting():
            await self._idle()
            return
        deadline, look = time.monotonic() + _PATIENCE_SECONDS, _LOOK_SECONDS
        while not self._arrived.is_set() and self._late_inlets():
            if time.monotonic() > deadline:
                for inlet in self._late_inlets():
                    inlet.excused = True
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(look):
                    await self._arrived.wait()
            look = min(2 * look, _LONGEST_LOOK_SECONDS)

    async def _idle(self) -> None:
        while not self._arrived.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._arrived.wait()
                return
            async with self._rounds:
                if not self._finishing:
                    await self._process(None)

    def _late_inlets(self) -> list[Inlet]:
        """The topics that have nothing here although Kafka has more."""
        return [inlet for tp, inlet in self._inlets.items() if not inlet.waiting and not self._is_complete(tp, inlet)]

    def _is_complete(self, tp: TP, inlet: Inlet) -> bool:
        if inlet.excused:
            return True
        highwater = self._flow.highwater(tp)
        return highwater is not None and inlet.next_offset >= highwater

    def _has_waiting(self) -> bool:
        return any(inlet.waiting for inlet in self._inlets.values())

    def _take(self) -> Portion[Any] | None:
        """The records that are safe to process now, merged by time; None if there are none."""
        if self._late_inlets() and len(self._inlets) > 1:
            return None
        bound = min((self._bound(tp, inlet) for tp, inlet in self._inlets.items()), default=math.inf)
        taken = [
            part
            for tp, inlet in self._inlets.items()
            for part in self._cut(tp, inlet, min(inlet.count_until(bound), LARGEST_DELIVERY))
        ]
        if not taken:
            return None
        portion = Portion.joined([part for _, part in taken])
        if len({int(part.topic[0]) for _, part in taken}) == 1:
            return portion
        return portion.chosen(np.argsort(np.concatenate([times for times, _ in taken]), kind="stable"))

    def _bound(self, tp: TP, inlet: Inlet) -> float:
        """The time up to which no record of this topic is missing from what would be taken now."""
        if len(self._inlets) == 1 or not inlet.waiting:
            return math.inf  # it was complete a moment ago; the thread that fetches may have seen more since
        if inlet.waiting > LARGEST_DELIVERY:
            return inlet.time(LARGEST_DELIVERY - 1)
        return math.inf if self._is_complete(tp, inlet) else inlet.time(-1)

    def _cut(self, tp: TP, inlet: Inlet, count: int) -> list[tuple[Int64s, Portion[Any]]]:
        parts = inlet.cut(count)
        if inlet.held and inlet.waiting < _MOST_WAITING // 2:
            inlet.held = False
            self._flow.on_buffer_drop(tp)
        return parts
