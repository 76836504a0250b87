"""Workers in processes of their own, started again when they end, and at the mercy of a test."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from signal import SIGCONT, Signals
from typing import Final, Self

import streams
from loadtest.chaos.sabotage import ASLEEP, DOZE, VARIABLE
from streams.embedded.lock import locked
from streams.embedded.process import GuardedProcess, Launch
from streams.errors import EngineError, ServerError

_GRACE_SECONDS: Final = 40.0
_RESTART_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.05


@dataclass
class Place:
    """One worker after the other.

    Attributes
    ----------
    process
        The one that runs, if any does.
    wanted
        Whether a worker that ends is replaced.
    sabotage
        What is done to the next one, see `loadtest.chaos.sabotage`.
    logs
        Of all workers that were here.
    """

    directory: Path
    process: GuardedProcess | None = None
    wanted: bool = True
    sabotage: str | None = None
    logs: list[Path] = field(default_factory=list)


class Fleet:
    """Workers of one application.

    Parameters
    ----------
    directory
        For their logs.
    variables
        Their settings, as environment variables.
    size
        How many there are at first.
    mutant
        What is broken in all of them, for a test of the tests.
    """

    def __init__(self, directory: Path, variables: Mapping[str, str], size: int, mutant: str | None = None) -> None:
        self._directory = directory
        self._variables = dict(variables)
        self._mutant = mutant
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self.places: list[Place] = []
        self.ended = 0
        for _ in range(size):
            self.add()
        self._watch = threading.Thread(target=self._replace_for_ever, daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add(self, sabotage: str | None = None) -> Place:
        """One worker more."""
        directory = self._directory / f"worker-{len(self.places)}"
        directory.mkdir(parents=True, exist_ok=True)
        place = Place(directory, sabotage=sabotage)
        with self._lock:
            self._start(place)
            self.places.append(place)
        return place

    def remove(self, place: Place, *, kill: bool = False) -> None:
        """One worker fewer, in good order or not."""
        place.wanted = False
        process = place.process
        if process is not None:
            process.kill() if kill else process.stop()

    def running(self) -> list[Place]:
        """Places with a worker in them."""
        return [place for place in self.places if place.process is not None and place.process.running]

    def signal(self, place: Place, number: Signals) -> bool:
        """Send a worker a signal; False if it has gone."""
        process = place.process
        if process is None or not process.running:
            return False
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def put_to_sleep(self, place: Place, seconds: float) -> None:
        """Let a worker stop when it is about to write to Redis, and wait until it has; SIGCONT wakes it.

        Raises
        ------
        EngineError
            It has nothing to write for so long.
        """
        deadline, log = time.monotonic() + seconds, place.logs[-1]
        before = log.read_text(errors="replace").count(ASLEEP)
        self.signal(place, DOZE)
        while log.read_text(errors="replace").count(ASLEEP) == before:
            if time.monotonic() > deadline:
                raise EngineError(f"The worker of {log} has written nothing within {seconds:g} s.")
            time.sleep(_LOOK_SECONDS)

    def end(self, place: Place, number: Signals, seconds: float = 60.0) -> None:
        """Send a worker a signal that ends it, and wait for the next one in its place."""
        known = len(place.logs)
        self.signal(place, number)
        self._wait_for_log(place, known, seconds)

    def wait_until_replaced(self, place: Place, seconds: float) -> None:
        """Wait until the present worker has ended by itself and the next one is there.

        Raises
        ------
        EngineError
            It takes too long.
        """
        self._wait_for_log(place, len(place.logs), seconds)

    def _wait_for_log(self, place: Place, known: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while len(place.logs) == known:
            if time.monotonic() > deadline:
                raise EngineError(f"The worker of {place.logs[-1]} has not ended within {seconds:g} s.")
            time.sleep(_LOOK_SECONDS)

    def choose(self, rng: Random, seconds: float = 60.0) -> Place:
        """Any of the running workers; waits for one.

        Raises
        ------
        ServerError
            None is running for so long.
        """
        deadline = time.monotonic() + seconds
        while not (found := self.running()):
            if time.monotonic() > deadline:
                raise ServerError(f"No worker stays alive; its log is {self.places[0].logs[-1]}.")
            time.sleep(_LOOK_SECONDS)
        return rng.choice(found)

    def stop(self) -> None:
        """End all workers in good order."""
        self._closing.set()
        with self._lock:
            stopping = [place for place in self.places if place.process is not None]
            for place in stopping:
                place.wanted = False
                self.signal(place, SIGCONT)
            threads = [threading.Thread(target=self.remove, args=(place,)) for place in stopping]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def said(self, words: str) -> int:
        """How many of the workers said something in their logs."""
        logs = [log for place in self.places for log in place.logs]
        return sum(words in log.read_text(errors="replace") for log in logs if log.exists())

    def _replace_for_ever(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            for place in list(self.places):
                if place.process is not None and place.wanted and not place.process.running:
                    self.ended += 1
                    time.sleep(_RESTART_SECONDS)
                    with self._lock:
                        if place.wanted and not self._closing.is_set():
                            self._start(place)

    def _start(self, place: Place) -> None:
        log = place.directory / f"{len(place.logs)}.log"
        source = str(Path(streams.__file__).parents[1])
        variables = {**self._variables, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
        sabotage = place.sabotage or (f"break:{self._mutant}" if self._mutant else None)
        if sabotage:
            variables[VARIABLE] = sabotage
        place.sabotage = None
        launch = Launch([sys.executable, "-m", "loadtest.chaos.worker"], variables)
        with locked(place.directory / f"{len(place.logs)}.lock", 0.0) as lock:
            place.process = GuardedProcess(launch, place.directory, log, lock, _GRACE_SECONDS)
        place.logs.append(log)
