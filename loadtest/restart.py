"""One worker learns a shop and goes; events come meanwhile; another one goes on where the first one was."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from loadtest.checkpoint_sizes import newest_checkpoints
from loadtest.drain import Drain, drain
from loadtest.filling import fill_with
from loadtest.live_worker import LiveWorker, live_worker
from loadtest.preload import preload, preload_size
from loadtest.progress_bar import progress_bar
from loadtest.timed_worker import Taking, arguments, taking
from loadtest.traffic import Traffic
from streams.durability import durability
from streams.errors import EngineError
from streams.lag import LagMeter
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES

_POLL_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Restart:
    """What was measured.

    Attributes
    ----------
    learned
        How the first worker learned everything.
    started
        When the second one was started, epoch seconds.
    taking
        When it had partitions, and what loading their checkpoints took.
    drained
        How it caught up; its start-up is the time from its start to its first progress.
    replayed
        Events after the offsets in the checkpoints.
    checkpoints
        Bytes of the checkpoints that it loaded, by agent.
    """

    learned: Drain
    started: float
    taking: Taking
    drained: Drain
    replayed: int
    checkpoints: dict[str, int]


def restart(traffic: Traffic, meanwhile: int, variables: Mapping[str, str], directory: Path, *, kill: bool) -> Restart:
    """Everybody comes once, then the traffic; the last so many records of it while no worker is there.

    Raises
    ------
    EngineError
        A worker ended, or made no progress or checkpoint for minutes.
    """
    settings = Settings.load(variables)
    records, met = traffic.records(), preload_size(traffic)
    known = met + len(traffic) - meanwhile
    fill_with(chain(preload(traffic), islice(records, known - met)), known, settings)
    with live_worker(directory / "first", variables) as worker, progress_bar("learning", known) as show:
        learned = drain(worker, settings, known, show)
        if kill:
            _wait_until_durable(worker, settings)
            worker.kill()
    fill_with(records, meanwhile, settings)
    replayed, sizes = _not_durable(settings), newest_checkpoints(Path(settings.checkpoints_url))
    stopwatch = directory / "taking.json"
    started = time.time()
    with (
        live_worker(directory / "second", variables, arguments(stopwatch)) as worker,
        progress_bar("recovering", meanwhile) as show,
    ):
        drained = drain(worker, settings, known + meanwhile, lambda done: show(done - known), already=known)
    return Restart(learned, started, taking(stopwatch), drained, replayed, sizes)


def _wait_until_durable(worker: LiveWorker, settings: Settings) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _not_durable(settings, every_topic=True):
        worker.check()
        if time.monotonic() > deadline:
            raise EngineError(f"The worker has not made its checkpoints for {_PATIENCE_SECONDS:g} s: see {worker.log}.")
        time.sleep(_POLL_SECONDS)


def _not_durable(settings: Settings, *, every_topic: bool = False) -> int:
    """Records that no checkpoint stands behind: of the inputs, or also of what the agents tell each other."""
    meter = LagMeter(settings)
    try:
        committed = durability(settings, meter.count().partitions).committed
    finally:
        meter.close()
    return sum(one.lag for one in committed if every_topic or one.topic in (CLICKSTREAM, PURCHASES))
