"""One real worker, `python -m streams worker` or another, in a process of its own that does not outlive this one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import streams
from loadtest.process_usage import Usage, usage
from loadtest.scheduling import put_last
from streams.embedded.lock import locked
from streams.embedded.log import last_error
from streams.embedded.process import GuardedProcess, Launch
from streams.errors import EngineError

_GRACE_SECONDS: Final = 20.0
_WORKER: Final = ("-m", "streams", "worker")


class LiveWorker:
    """A running worker."""

    def __init__(self, process: GuardedProcess, log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def usage(self) -> Usage:
        """What it has used so far."""
        self.check()
        return usage(self._process.pid)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._process.kill()

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Let it do nothing at all for a while; longer than `UPWELL_SESSION_SECONDS`, and Kafka gives it up."""
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def check(self) -> None:
        """Raise EngineError if the worker has ended."""
        if not self._process.running:
            raise EngineError(f"The worker ended ({last_error(self.log)}): see {self.log}.")


@contextmanager
def live_worker(
    directory: Path, variables: Mapping[str, str], arguments: Sequence[str] = _WORKER, *, background: bool = False
) -> Iterator[LiveWorker]:
    """Start Python with these arguments, upwell's worker unless said otherwise, and these environment variables; its
    log is in `directory`, and it is stopped at the end. In the `background` it lets everything else go first."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, *arguments]
    source = str(Path(streams.__file__).parents[1])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    log = directory / "worker.log"
    with locked(directory / ".lock", 0.0) as lock:
        launch = Launch(command, {**variables, "PYTHONPATH": path})
        process = GuardedProcess(launch, directory, log, lock, _GRACE_SECONDS)
    try:
        if background:
            put_last(process.pid)
        yield LiveWorker(process, log)
    finally:
        process.stop()
