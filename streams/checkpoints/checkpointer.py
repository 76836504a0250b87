"""When checkpoints are made: a quick copy between two micro-batches, the rest in the background, one at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from faust.types import TP

from streams.checkpoints.format import Checkpoint
from streams.checkpoints.store import CheckpointStore
from streams.crash import RunTask
from streams.progress import Progress

log = logging.getLogger("upwell")

#: An owner that has not asked for so long is not waited for: an idle one asks every few seconds, a stopped one never.
_STILL_WAITING_SECONDS: Final = 10.0
#: Copies a state, at once; the result packs the copy, which takes a while, touches nothing that the folds use, and runs
#: in a thread.
Freeze = Callable[[], Callable[[], Checkpoint]]


class WrittenCheckpoint(NamedTuple):
    """A durable checkpoint.

    Attributes
    ----------
    position
        Records in it.
    done_ms
        When it was durable, epoch ms.
    size
        Its bytes.
    seconds
        What packing and writing took, in the background.
    pause_ms
        For how long the folds stood still while the state was copied.
    """

    position: int
    done_ms: int
    size: int
    seconds: float
    pause_ms: float

    def text(self) -> str:
        """As it stands in Redis.

        >>> WrittenCheckpoint.parsed(WrittenCheckpoint(7, 1_700_000_000_000, 2048, 0.25, 1.5).text())
        WrittenCheckpoint(position=7, done_ms=1700000000000, size=2048, seconds=0.25, pause_ms=1.5)
        """
        return f"{self.position} {self.done_ms} {self.size} {self.seconds:.3f} {self.pause_ms:.3f}"

    @classmethod
    def parsed(cls, text: str) -> WrittenCheckpoint:
        """What `text` wrote."""
        position, done_ms, size, seconds, pause_ms = text.split()
        return cls(int(position), int(done_ms), int(size), float(seconds), float(pause_ms))


class Checkpointer:
    """Makes the checkpoints of one worker.

    Offsets count as durable, and may be committed to Kafka, only when their checkpoint is. Where one cannot be
    written, the worker goes on and tries again: nothing is lost, there is only more to replay.

    Parameters
    ----------
    store
        Where they are kept.
    progress
        Told what is durable.
    seconds
        Time between two checkpoints of a partition.
    run_task
        Starts a coroutine as a task whose failure ends the process.

    Attributes
    ----------
    written
        The newest durable checkpoint of each owner (such as "shoppers:3").
    """

    def __init__(self, store: CheckpointStore, progress: Progress, seconds: float, run_task: RunTask) -> None:
        self.store = store
        self.progress = progress
        self.seconds = seconds
        self._run_task = run_task
        self.written: dict[str, WrittenCheckpoint] = {}
        self._tried: dict[str, float] = {}
        self._asked: dict[str, float] = {}
        self._background: asyncio.Task[None] | None = None

    def is_due(self, owner: str, offsets: Mapping[TP, int]) -> bool:
        """Whether it is time for the next checkpoint of an owner that stands at some offsets.

        Where all of them together take longer than `seconds`, the one whose last checkpoint is oldest is next.
        """
        now = time.monotonic()
        if now - self._tried.setdefault(owner, now) < self.seconds or not self.is_behind(offsets):
            self._asked.pop(owner, None)
            return False
        self._asked[owner] = now
        if self._background is not None and not self._background.done():
            return False
        waiting = (other for other, asked in self._asked.items() if now - asked < _STILL_WAITING_SECONDS)
        return owner == min(waiting, key=self._tried.__getitem__)

    def is_behind(self, offsets: Mapping[TP, int]) -> bool:
        """Whether there is anything that is not durable yet."""
        return any(self.progress.durable.get(tp) != offset for tp, offset in offsets.items())

    def begin(self, owner: str, offsets: Mapping[TP, int], freeze: Freeze) -> None:
        """Copy the state now, and start to pack and write it in the background."""
        self._background = self._run_task(self._make(owner, dict(offsets), *_timed(freeze)))

    async def make(self, owner: str, offsets: Mapping[TP, int], freeze: Freeze) -> None:
        """Copy, pack and write, and return when it is durable or has failed."""
        await self.settle()
        await self._make(owner, dict(offsets), *_timed(freeze))

    async def settle(self) -> None:
        """Wait for the one in the background."""
        if self._background is not None:
            await self._background

    async def _make(self, owner: str, offsets: dict[TP, int], pack: Callable[[], Checkpoint], pause_ms: float) -> None:
        began = self._tried[owner] = time.monotonic()
        self._asked.pop(owner, None)
        try:
            position, size = await asyncio.to_thread(self._save, pack)
        except OSError as error:
            log.error("No checkpoint of %s could be written (%s); the worker goes on and tries again.", owner, error)
            return
        self.progress.secure(offsets)
        seconds = time.monotonic() - began
        self.written[owner] = WrittenCheckpoint(position, int(time.time() * 1000), size, seconds, pause_ms)

    def _save(self, pack: Callable[[], Checkpoint]) -> tuple[int, int]:
        checkpoint = pack()
        return checkpoint.position, self.store.save(checkpoint)

    def forget(self, owner: str) -> None:
        """Let go of a partition that another worker owns now."""
        self.written.pop(owner, None)
        self._tried.pop(owner, None)
        self._asked.pop(owner, None)


def _timed(freeze: Freeze) -> tuple[Callable[[], Checkpoint], float]:
    began = time.perf_counter()
    return freeze(), 1000 * (time.perf_counter() - began)
