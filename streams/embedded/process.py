"""One server process that dies with this process, whatever kills it."""

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.embedded import guard
from streams.errors import ServerError

# How long the guard may take beyond the grace it gives the server: SIGKILL needs no time, a busy disk may.
MARGIN_S = 10.0


@dataclass(frozen=True)
class Launch:
    """What to run: the command, and what its environment has beyond ours."""

    command: Sequence[str]
    environment: Mapping[str, str]


class GuardedProcess:
    """A running server with its guard (see `guard`), in a process group of its own.

    Ctrl-C in the terminal reaches neither: what is stopped, and in which order, is up to the owner. Not in a session of
    its own, for Linux may give each session the same share of the cores (autogroups), whatever its members' priorities.

    Parameters
    ----------
    launch
        What to run, in `directory`.
    log
        The file that gets the server's output; it is emptied first.
    lock
        An open file descriptor that the server is to hold for as long as it lives.
    grace_s
        Seconds between SIGTERM and SIGKILL when the server is stopped.
    """

    def __init__(self, launch: Launch, directory: Path, log: Path, lock: int, grace_s: float) -> None:
        self._grace_s = grace_s
        self._name = launch.command[0]
        with log.open("wb") as output:
            self._guard = subprocess.Popen(
                guard.guarded(launch.command, grace_s),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=directory,
                env={**os.environ, **launch.environment},
                process_group=0,
                pass_fds=[lock],
            )
        self.pid = self._read_pid(log)

    def _read_pid(self, log: Path) -> int:
        assert self._guard.stdout is not None
        with self._guard.stdout as report:
            line = report.readline()
        if not line:
            self._guard.wait()
            raise ServerError(f"{self._name} could not be run: see {log}.")
        return int(line)

    @property
    def running(self) -> bool:
        """Whether the server has not ended yet."""
        return self._guard.poll() is None

    def stop(self) -> None:
        """End the server in an orderly way, or by force after the grace; returns when it is gone."""
        self._order(guard.STOP)

    def kill(self) -> None:
        """End the server at once, as a power cut would; returns when it is gone."""
        self._order(guard.KILL)

    def _order(self, order: bytes) -> None:
        assert self._guard.stdin is not None
        # The server may have ended by itself a moment ago, and its guard with it.
        with contextlib.suppress(BrokenPipeError, ValueError):
            os.write(self._guard.stdin.fileno(), order)
        self._guard.stdin.close()
        try:
            self._guard.wait(self._grace_s + MARGIN_S)
        except subprocess.TimeoutExpired as error:
            raise ServerError(
                f"{self._name} (process {self.pid}) does not die: look at it with `ps -p {self.pid}`."
            ) from error
