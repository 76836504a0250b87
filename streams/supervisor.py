"""Workers in processes of their own: each one that ends is started again, and all of them end with the supervisor."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streams.embedded import guard
from streams.errors import SettingsError

#: A worker that cannot stop says so and ends itself before that, see `streams.commands.worker`.
STOP_SECONDS: Final = 40.0
_POLL_SECONDS: Final = 0.1
#: How long a process may take to end after SIGKILL, which needs no time, though a busy disk may.
_MARGIN_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Backoff:
    """Seconds from a worker's end to its next start.

    Attributes
    ----------
    first, longest
        The first pause, and the one at which doubling stops.
    steady
        A worker that ran for so long gets the first pause again.
    """

    first: float = 0.5
    longest: float = 30.0
    steady: float = 60.0

    def after(self, pause: float, ran: float) -> float:
        """The pause that comes next, after the last one (0 for none) and seconds in which the worker ran.

        >>> [Backoff().after(pause, ran=2) for pause in (0, 0.5, 1, 16, 30)], Backoff().after(30, ran=61)
        ([0.5, 1.0, 2, 30.0, 30.0], 0.5)
        """
        return self.first if not pause or ran >= self.steady else min(2 * pause, self.longest)


class Supervisor:
    """Keeps workers running until it is told to stop.

    Each worker has a guard (see `streams.embedded.guard`), which ends it when this process is gone, however it went.
    What a worker prints goes to our standard error.

    Parameters
    ----------
    command
        What a worker is.
    workers
        How many of them.
    stop_seconds
        How long a worker may take to end when it is told to; then it is killed.
    backoff
        The pauses before a worker is started again.

    Raises
    ------
    SettingsError
        No workers, or a time below zero.
    """

    def __init__(
        self,
        command: Sequence[str],
        workers: int,
        *,
        stop_seconds: float = STOP_SECONDS,
        backoff: Backoff | None = None,
    ) -> None:
        if workers < 1:
            raise SettingsError(f"{workers} workers cannot be supervised: ask for 1 or more.")
        if not stop_seconds >= 0:
            raise SettingsError(f"Workers cannot end within {stop_seconds:g} s: allow them 0 s or more.")
        pauses = backoff or Backoff()
        self._workers = [_Worker(number, command, stop_seconds, pauses) for number in range(1, workers + 1)]
        self._stop_seconds = stop_seconds
        self._stopping = self._killing = False

    def run(self) -> None:
        """Start the workers, start again what ends, and return when all of them have ended after `stop` or `kill`."""
        try:
            while not self._stopping:
                for worker in self._workers:
                    worker.tend()
                time.sleep(_POLL_SECONDS)
            self._wait_for_end()
        finally:
            for worker in self._workers:
                worker.kill()
            for worker in self._workers:
                worker.reap()

    def stop(self) -> None:
        """Let the workers end in good order, or kill them at the deadline; returns at once."""
        # Only a flag, so that a signal handler or another thread may call this at any moment.
        self._stopping = True

    def kill(self) -> None:
        """Kill the workers; returns at once."""
        self._killing = self._stopping = True

    def obey_signals(self) -> None:
        """From now on SIGTERM and Ctrl-C stop the workers, and Ctrl-C while they stop kills them."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.kill() if self._stopping else self.stop())

    @property
    def pids(self) -> list[int]:
        """The process numbers of the workers that run now."""
        return [worker.pid for worker in self._workers if worker.running and worker.pid]

    def _wait_for_end(self) -> None:
        _say(f"{len(self.pids)} workers are stopped within {self._stop_seconds:g} s; Ctrl-C kills them at once")
        for worker in self._workers:
            worker.terminate()
        deadline = time.monotonic() + self._stop_seconds
        while not self._killing and time.monotonic() < deadline and any(worker.running for worker in self._workers):
            time.sleep(_POLL_SECONDS)


class _Worker:
    """One of the workers: its guard while it runs, and when it is due again while it does not."""

    def __init__(self, number: int, command: Sequence[str], grace: float, backoff: Backoff) -> None:
        self.pid: int | None = None
        self._number = number
        self._guarded = guard.guarded(command, grace)
        self._backoff = backoff
        self._guard: subprocess.Popen[bytes] | None = None
        self._pause = self._began = self._due = 0.0

    @property
    def running(self) -> bool:
        # Read once: another thread may ask while this one reaps.
        process = self._guard
        return process is not None and process.poll() is None

    @property
    def _name(self) -> str:
        return f"worker {self._number}" + (f" (process {self.pid})" if self.pid else "")

    def tend(self) -> None:
        """Start it when it is due; when it has ended, say so and when it is due again."""
        if self._guard is None:
            if time.monotonic() >= self._due:
                self._start()
        elif (status := self._guard.poll()) is not None:
            self.reap()
            self._plan(f"{self._name} ended with status {_named(status)}")

    def terminate(self) -> None:
        """Ask it to end; the guard passes the signal on."""
        if self._guard is not None:
            self._guard.terminate()

    def kill(self) -> None:
        """Kill it if it still runs; returns at once."""
        if self._guard is not None and self.running:
            _say(f"{self._name} has not ended and is killed")
            assert self._guard.stdin is not None
            # It may have ended by itself a moment ago.
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.write(guard.KILL)

    def reap(self) -> None:
        """Return when it is gone."""
        if self._guard is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._guard.wait(_MARGIN_SECONDS)
            if status < 0 and self.pid:
                # It was the guard that somebody killed: nobody else is left who could end the worker.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard = None

    def _start(self) -> None:
        self._began = time.monotonic()
        try:
            self._guard = subprocess.Popen(
                self._guarded, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            self.pid = None
            self._plan(f"{self._name} could not be started ({error.strerror})")
            return
        assert self._guard.stdout is not None
        with self._guard.stdout as report:
            # From this line on, SIGTERM to the guard reaches the worker. It is empty if there is no such program.
            self.pid = int(report.readline() or 0) or None

    def _plan(self, what: str) -> None:
        self._pause = self._backoff.after(self._pause, time.monotonic() - self._began)
        self._due = time.monotonic() + self._pause
        _say(f"{what}; it is started again in {self._pause:g} s")


def _named(status: int) -> str:
    """An exit status as a shell would give it, with the name of the signal that it may stand for.

    >>> _named(1), _named(137)
    ('1', '137 (SIGKILL)')
    """
    with contextlib.suppress(ValueError):
        return f"{status} ({signal.Signals(status - 128).name})"
    return str(status)


def _say(sentence: str) -> None:
    print(f"upwell supervise: {sentence}.", file=sys.stderr, flush=True)
