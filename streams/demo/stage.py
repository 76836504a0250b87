"""What the demo plays on: Kafka, Redis and one real worker, started for it and stopped after it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.embedded.servers import EmbeddedServers
from streams.errors import ServerError
from streams.settings import Settings

_STOP_SECONDS: Final = 15.0
_LOG_LINES: Final = 15


@dataclass(frozen=True)
class Stage:
    """The settings to reach the servers with, a folder that goes with them, and what to know about them."""

    settings: Settings
    folder: Path
    notice: str | None


@contextlib.contextmanager
def servers(environment: Mapping[str, str]) -> Iterator[Stage]:
    """Kafka and Redis: those the environment names, else embedded ones for the time of the demo."""
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="upwell-demo-")))
        embedded = EmbeddedServers(scratch, stand_in_allowed=True)
        given = dict(environment)
        own_kafka, own_redis = "UPWELL_KAFKA" in given, "UPWELL_REDIS" in given
        if not own_kafka and not own_redis:
            stack.enter_context(embedded)
        elif not own_kafka:
            stack.enter_context(embedded.broker)
        elif not own_redis:
            stack.enter_context(embedded.store)
        if not own_kafka:
            given["UPWELL_KAFKA"] = embedded.kafka
        if not own_redis:
            given["UPWELL_REDIS"] = embedded.redis
        yield Stage(Settings.load(given), scratch, embedded.notice)


class WorkerProcess:
    """One `upwell worker` in a process of its own.

    Parameters
    ----------
    settings
        Where its Kafka and its Redis are; everything else comes from the environment.
    log
        File for what it prints.
    """

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings = settings
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WorkerProcess:
        environment = {**os.environ, "UPWELL_KAFKA": self.settings.kafka, "UPWELL_REDIS": self.settings.redis}
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams", "worker"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the demo, which stops the worker in good order
            )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def check(self) -> None:
        """Raise if the worker has ended.

        Raises
        ------
        ServerError
            It has; the message holds the end of its log.
        """
        if self._process is not None and self._process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
            raise ServerError(f"The worker ended with status {self._process.returncode}; its last words were:\n{tail}")

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()` is true.

        Raises
        ------
        ServerError
            The worker ended, or it took longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ServerError(f"The worker was not ready after {seconds:.0f} s: its log is {self.log}.")
            time.sleep(0.05)
