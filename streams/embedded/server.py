"""What the embedded servers have in common: start until it answers, stop, kill, start again."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from streams.embedded.directory import prepare_directory
from streams.embedded.lock import locked
from streams.embedded.log import last_error
from streams.embedded.ports import PortTakenError, free_ports, refuse_taken
from streams.embedded.process import GuardedProcess, Launch
from streams.errors import ServerError

POLL_S = 0.02
PORT_ATTEMPTS = 3
#: What Kafka, and Redis, write last who could not have a port.
_PORT_TAKEN = ("Address already in use", "Failed listening")


class EmbeddedServer(ABC):
    """One server on 127.0.0.1 with its own directory, alive at most as long as this process.

    Parameters
    ----------
    directory
        Where the server keeps its data, its settings and its log; made if missing. One server at a time.
    port
        Where it listens. By default a free port, chosen at the first start and kept from then on.
    """

    name: ClassVar[str]
    start_deadline_s: ClassVar[float]
    stop_grace_s: ClassVar[float]
    # Ports beside the one that clients use; chosen anew at each start.
    inner_ports: ClassVar[int] = 0
    need_mib: ClassVar[int] = 50
    # A server whose owner was killed takes a moment to end, and holds its directory until then.
    directory_wait_s: ClassVar[float] = 10.0

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory.absolute()
        self._port = port
        self._process: GuardedProcess | None = None

    @abstractmethod
    def _prepare(self, ports: Sequence[int]) -> Launch:
        """Make the directory ready to run the server on these ports, and say how to run it."""

    @abstractmethod
    def _answers(self, port: int, pid: int) -> bool:
        """Whether the server with this process number does real work on the port: it, not another one."""

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises ServerError, which says what is in the way: MissingPartError when it cannot run on this machine
        at all, PortTakenError when somebody else has the port.
        """
        if self.running:
            raise ServerError(f"{self.name} in {self.directory} is already running: stop it first.")
        prepare_directory(self.directory, f"The data of {self.name}", self.need_mib, "choose another directory")
        for attempts_left in reversed(range(PORT_ATTEMPTS)):
            try:
                self._start_once()
            except PortTakenError:
                # A port that we chose ourselves can be lost to somebody quicker: choose again. One that
                # was asked for stays taken, so that this comes back here at once.
                if not attempts_left:
                    raise
            else:
                return

    def stop(self) -> None:
        """End the server in an orderly way; it may be started again. Does nothing if it is not running."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End the server as a power cut would (SIGKILL); it may be started again on what is on disk."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    @property
    def running(self) -> bool:
        """Whether the server runs now."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The server's process number. Raises ServerError when it does not run."""
        if self._process is None or not self._process.running:
            raise ServerError(f"{self.name} in {self.directory} is not running: start it first.")
        return self._process.pid

    @property
    def port(self) -> int:
        """Where clients connect. Raises ServerError when no port was asked for and none is chosen yet."""
        if self._port is None:
            raise ServerError(f"{self.name} in {self.directory} has no port yet: start it first.")
        return self._port

    @property
    def log(self) -> Path:
        """What the server wrote since its last start."""
        return self.directory / f"{self.name.lower().replace(' ', '-')}.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_once(self) -> None:
        port, *inner = free_ports(1 + self.inner_ports)
        ports = [port if self._port is None else self._port, *inner]
        refuse_taken(ports[0], self.name)
        try:
            with locked(self.directory / ".lock", self.directory_wait_s) as lock:
                launch = self._prepare(ports)
                process = GuardedProcess(launch, self.directory, self.log, lock, self.stop_grace_s)
        except TimeoutError as error:
            raise ServerError(
                f"{self.name} cannot use {self.directory} because another server runs there: "
                "stop that one or choose another directory."
            ) from error
        except OSError as error:
            raise ServerError(
                f"{self.name} cannot be started in {self.directory} ({error}): choose another directory."
            ) from error
        try:
            self._wait_until_it_answers(process, ports)
        except BaseException:
            # Ctrl-C included: what does not count as started must not go on running.
            process.kill()
            raise
        self._process, self._port = process, ports[0]

    def _wait_until_it_answers(self, process: GuardedProcess, ports: Sequence[int]) -> None:
        deadline = time.monotonic() + self.start_deadline_s
        while not self._answers(ports[0], process.pid):
            if not process.running:
                for port in ports:
                    refuse_taken(port, self.name)
                # Whoever had the port may have let go of it since.
                if any(words in last_error(self.log) for words in _PORT_TAKEN):
                    raise PortTakenError(self.name, ports[0])
                raise ServerError(f"{self.name} ended while it started ({last_error(self.log)}): see {self.log}.")
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.name} did not answer on port {ports[0]} within {self.start_deadline_s:g} s "
                    f"({last_error(self.log)}): see {self.log}."
                )
            time.sleep(POLL_S)
