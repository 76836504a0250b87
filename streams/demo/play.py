"""The play itself: publish the recorded events, watch, and wait until all of them are folded."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from streams.demo.stage import Stage
from streams.demo.watch import Numbers, Watch
from streams.errors import ServerError
from streams.replay import ReplaySummary, replay
from streams.sources import Record
from streams.worker_process import WorkerProcess

_LOOK_SECONDS: Final = 0.25
#: With nothing more to send, an engine whose lag does not shrink for this long is stuck.
_STUCK_SECONDS: Final = 60.0


class _Replaying(threading.Thread):
    """The replay in a thread of its own; `state` is how far it is, `error` why it ended early."""

    def __init__(self, records: Sequence[Record], stage: Stage, speed: float | None) -> None:
        super().__init__(daemon=True)
        self.state: ReplaySummary | None = None
        self.error: BaseException | None = None
        self._records, self._stage, self._speed = records, stage, speed

    def run(self) -> None:
        try:
            stage = self._stage
            # The stand-in for Kafka, which comes with a notice, does not know idempotent producers.
            publishing = replay(
                self._records, stage.settings.kafka, speed=self._speed, progress=self._note, idempotent=not stage.notice
            )
            self.state = asyncio.run(publishing)
        except BaseException as error:  # handed to the thread that waits
            self.error = error

    def _note(self, state: ReplaySummary) -> None:
        self.state = state


def play(
    records: Sequence[Record],
    stage: Stage,
    speed: float | None,
    worker: WorkerProcess,
    watch: Watch,
    show: Callable[[Numbers, ReplaySummary | None], None],
) -> tuple[Numbers, ReplaySummary, float]:
    """Publish everything and return when all of it is processed: the last numbers, what was sent, and the seconds.

    Raises
    ------
    ServerError
        Kafka, Redis or the worker failed, or the engine is stuck.
    """
    replaying = _Replaying(records, stage, speed)
    started = time.monotonic()
    replaying.start()
    least, since = None, time.monotonic()
    seconds: float | None = None
    while True:
        over = not replaying.is_alive()
        numbers = watch.look()
        show(numbers, replaying.state)
        worker.check()
        if replaying.error is not None:
            raise replaying.error
        if over and numbers.lag == 0 and replaying.state is not None and numbers.processed >= replaying.state.sent:
            if seconds is not None and not numbers.unwritten:  # as the worker says since there was no lag
                return numbers, replaying.state, seconds
            seconds = seconds or time.monotonic() - started
        left = numbers.lag + numbers.unwritten
        if not over or least is None or left < least:
            least, since = left, time.monotonic()
        elif time.monotonic() - since > _STUCK_SECONDS:
            raise ServerError(
                f"The engine is stuck {numbers.lag} events and {numbers.unwritten} lists of similar items behind: "
                f"see the log of the worker, {worker.log}."
            )
        time.sleep(_LOOK_SECONDS)
