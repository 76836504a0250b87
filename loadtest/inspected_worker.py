"""upwell's worker with a window: asked from outside, it says what its agents hold in memory.

`python -m loadtest.inspected_worker DIRECTORY` runs the worker as `upwell worker` does; once there is a file `ask` in
the directory, it writes `answer.json` there: bytes by path (see `loadtest.footprint`) and what is resident in all.
Ask when the worker is idle.
"""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import msgspec

from loadtest.footprint import footprint
from loadtest.live_worker import LiveWorker
from streams import cli
from streams.agents.affinity import AffinityAgent
from streams.agents.learner import LearnerAgent
from streams.agents.shoppers import ShoppersAgent
from streams.errors import EngineError

#: What they share is counted for the first.
_AGENTS: Final = (ShoppersAgent, AffinityAgent, LearnerAgent)
_POLL_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 120.0


class Inspection(msgspec.Struct, frozen=True):
    """What a worker holds: bytes by path, and bytes resident in all."""

    parts: dict[str, int]
    resident: int


def inspect(worker: LiveWorker, directory: Path) -> Inspection:
    """Ask a worker that was started with this directory.

    Raises
    ------
    EngineError
        It ended, or gave no answer for minutes.
    """
    answer = directory / "answer.json"
    answer.unlink(missing_ok=True)
    (directory / "ask").touch()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not answer.exists():
        worker.check()
        if time.monotonic() > deadline:
            raise EngineError(f"The worker did not say what it holds for {_PATIENCE_SECONDS:g} s: see {worker.log}.")
        time.sleep(_POLL_SECONDS)
    return msgspec.json.decode(answer.read_bytes(), type=Inspection)


def arguments(directory: Path) -> list[str]:
    """What to start Python with."""
    return ["-m", "loadtest.inspected_worker", str(directory)]


def _answer_for_ever(directory: Path) -> None:
    while True:
        time.sleep(_POLL_SECONDS)
        if (directory / "ask").exists():
            (directory / "ask").unlink()
            beside = directory / "answer.part"
            beside.write_bytes(msgspec.json.encode(_inspection()))
            beside.rename(directory / "answer.json")


def _inspection() -> Inspection:
    gc.unfreeze()  # the worker hides what it began with from the collector, and so from `get_objects`
    agents = {type(thing): thing for thing in gc.get_objects() if isinstance(thing, _AGENTS)}
    return Inspection(footprint({agents[kind].name: agents[kind] for kind in _AGENTS}), _resident())


def _resident() -> int:
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return 1024 * int(found[1]) if found else 0
    except OSError:
        answer = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, check=True)
        return 1024 * int(answer.stdout)


if __name__ == "__main__":
    threading.Thread(target=_answer_for_ever, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.exit(cli.main(["worker"]))
