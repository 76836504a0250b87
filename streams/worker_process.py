"""A worker in a process of its own, for the demo and the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from streams.errors import ServerError
from streams.settings import Settings
from streams.supervisor import STOP_SECONDS

_LOG_LINES: Final = 15


class WorkerProcess:
    """One `upwell worker` in a process of its own.

    Parameters
    ----------
    settings
        Where its Kafka and its Redis are.
    log
        File for what it prints.
    more
        Further settings as environment variables; the rest comes from the environment of this process.
    """

    def __init__(self, settings: Settings, log: Path, more: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.log = log
        self.more = dict(more or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WorkerProcess:
        servers = {
            "UPWELL_KAFKA": self.settings.kafka,
            "UPWELL_REDIS": self.settings.redis,
            "UPWELL_CHECKPOINTS": self.settings.checkpoints_url,
        }
        environment = {**os.environ, **servers, **self.more}
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
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll() if self._process else None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process:
            self._process.send_signal(number)

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
