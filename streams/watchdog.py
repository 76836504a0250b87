"""Sees when a worker is stuck, and ends it: one that hangs does less for the shop than one that starts again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka.errors import KafkaError
from faust.types import TP

from streams.crash import exit_loudly
from streams.errors import EngineError
from streams.lane import Reading
from streams.progress import Position
from streams.topics import lead

_ANSWER_SECONDS: Final = 10.0
_BEAT_SECONDS: Final = 1.0


class Watchdog:
    """Raises when there is something to do and nothing happens, and when Kafka is not heard of any more.

    Parameters
    ----------
    consumer
        Faust's consumer.
    positions
        How far every partition is processed.
    running
        How far every partition that runs has come in; those that are stopped are left out.
    stall_seconds
        How long is too long.
    has_joined
        Whether Kafka has let the worker into the group: until then it has no partitions, and nobody knows of it.
    """

    def __init__(
        self,
        consumer: Any,
        positions: Mapping[TP, Position],
        running: Callable[[], Mapping[TP, Reading]],
        stall_seconds: float,
        has_joined: Callable[[], bool] = lambda: True,
    ) -> None:
        self._consumer = consumer
        self._positions = positions
        self._running = running
        self._stall_seconds = stall_seconds
        self._has_joined = has_joined
        self._beat = time.monotonic()
        self._stalls: dict[tuple[str, int], tuple[list[Position | None], float]] = {}

    async def watch_for_ever(self, *_: object) -> None:
        """Look every few seconds.

        Raises
        ------
        EngineError
            The worker is stuck.
        """
        over = threading.Event()
        threading.Thread(target=self._watch_event_loop, args=(over,), daemon=True).start()
        try:
            await self._watch()
        finally:
            over.set()

    async def _watch(self) -> None:
        heard = looked = time.monotonic()
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            now = self._beat = time.monotonic()
            if now - looked < self._stall_seconds / 10:
                continue
            looked = now
            behind = await self._behind()
            if behind is not None:
                heard = time.monotonic()
                self._note_stalls(behind, now)
            if looked - heard > self._stall_seconds:
                if not self._has_joined():
                    raise EngineError(
                        f"Kafka has not let this worker into its group for {self._stall_seconds:g} s, so it stops: see "
                        "the log above, and whether UPWELL_APPLICATION and UPWELL_SESSION_SECONDS suit Kafka."
                    )
                raise EngineError(
                    f"Kafka has not answered for {self._stall_seconds:g} s, so this worker stops: see to Kafka, and "
                    "start the worker again."
                )

    def _note_stalls(self, behind: Sequence[TP], now: float) -> None:
        """Since when partitions have had more and stood still; two topics that share a state go on in turn."""
        stalls = dict[tuple[str, int], tuple[list[Position | None], float]]()
        for tp in behind:
            share = _share(tp)
            at = [self._positions.get(other) for other in self._running() if _share(other) == share]
            before, since = self._stalls.get(share, (None, now))
            stalls[share] = at, since if at == before else now
            if now - stalls[share][1] > self._stall_seconds:
                raise EngineError(
                    f"Nothing was processed for {self._stall_seconds:g} s although {tp.topic}-{tp.partition} has more, "
                    "so this worker stops: start it again."
                )
        self._stalls = stalls

    async def _behind(self) -> list[TP] | None:
        """Partitions with records that are not processed; None if Kafka does not say."""
        running = dict(self._running())
        if not running:
            return [] if self._has_joined() else None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                ends = await self._consumer.highwaters(*running)
                return [tp for tp, reading in running.items() if not self._is_done(tp, reading, ends[tp])]
        except (KafkaError, TimeoutError):
            return None

    def _is_done(self, tp: TP, reading: Reading, end: int) -> bool:
        processed = self._positions[tp].next_offset if tp in self._positions else reading.delivered
        if processed >= end:
            return processed == end  # beyond it: the topic was deleted or cut off, and what comes now is taken for old
        # Between the last record and the end may be Kafka's own marks: there is nothing to process of those.
        return processed == reading.delivered and reading.next_offset >= end

    def _watch_event_loop(self, over: threading.Event) -> None:
        """In a thread: the look above needs the event loop, and that may be what is stuck."""
        missed = 0
        while not over.wait(_ANSWER_SECONDS):
            missed = missed + 1 if time.monotonic() - self._beat > self._stall_seconds else 0
            if missed > 1:  # once is also what a machine that was suspended sees
                exit_loudly(EngineError(f"This worker did not react for {self._stall_seconds:g} s, so it stops."))


def end_within(seconds: float) -> None:
    """End this process if it is still there by then: whoever waits for it has waited long enough."""
    error = EngineError(
        f"This worker was told to stop and has not within {seconds:g} s, so it ends itself: the next one continues at "
        "the newest checkpoint."
    )
    timer = threading.Timer(seconds, exit_loudly, [error])
    timer.daemon = True
    timer.start()


def _share(tp: TP) -> tuple[str, int]:
    """What has one state."""
    return lead(tp.topic), tp.partition
