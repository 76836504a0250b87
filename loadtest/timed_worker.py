"""upwell's worker with a stopwatch: how long it takes to load the checkpoints of the partitions it is given.

`python -m loadtest.timed_worker FILE` runs the worker as `upwell worker` does, and writes what it took into the file.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from streams import cli
from streams.agent import Agent
from streams.assignment import Assignment
from streams.owner import Owner
from streams.ownership import Ownership


class Taking(msgspec.Struct, frozen=True):
    """A worker takes partitions over: epoch seconds at which it begins to and is done, and its processor time."""

    began: float
    done: float
    cpu_seconds: float

    @property
    def seconds(self) -> float:
        """By the clock on the wall."""
        return self.done - self.began


def taking(path: Path) -> Taking:
    """What a worker wrote that has processed something."""
    return msgspec.json.decode(path.read_bytes(), type=Taking)


def arguments(path: Path) -> list[str]:
    """What to start Python with."""
    return ["-m", "loadtest.timed_worker", str(path)]


def _put_stopwatch(path: Path) -> None:
    """Only the first time counts: after that partitions come and go with what is in memory."""
    take = Ownership.take

    async def timed(
        self: Ownership, agents: Sequence[Agent], assignment: Assignment, is_over: Callable[[], bool]
    ) -> list[Owner]:
        began, used = time.time(), time.process_time()
        owners = await take(self, agents, assignment, is_over)
        if owners and not path.exists():
            path.write_bytes(msgspec.json.encode(Taking(began, time.time(), time.process_time() - used)))
        return owners

    Ownership.take = timed  # type: ignore[method-assign]


if __name__ == "__main__":
    _put_stopwatch(Path(sys.argv[1]))
    sys.exit(cli.main(["worker"]))
