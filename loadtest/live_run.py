"""Events at a fixed rate and, from outside, when their recommendations can be read."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from loadtest.cpu_share import CpuShare
from loadtest.live_worker import LiveWorker
from loadtest.open_loop import Sending, send_open_loop
from loadtest.paced_traffic import PacedTraffic, paced
from loadtest.probes import Probe, Watching, watch
from loadtest.progress_bar import progress_bar
from loadtest.traffic import Traffic
from loadtest.worker_histogram import WorkerHistogram
from online_models.compiled import Floats, Int64s
from online_models.events import PURCHASE
from streams.settings import Settings

_PROBES_PER_SECOND: Final = 200
_SHOW_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Pace:
    """Events per second, for how many seconds, of which the first are a warm-up that does not count."""

    rate: float
    seconds: float
    warm_up_seconds: float

    @property
    def events(self) -> int:
        """How many events that makes."""
        return round(self.rate * (self.seconds + self.warm_up_seconds))

    @property
    def warm_up_events(self) -> int:
        """How many of them come first and do not count."""
        return round(self.rate * self.warm_up_seconds)


@dataclass(frozen=True)
class LiveRun:
    """What happened.

    Attributes
    ----------
    sending
        When every event was due, sent and acknowledged.
    probes, watching
        Numbers of the events that were looked out for, and what was seen of each.
    worker_before, worker_after
        The worker's own histogram at the end of the warm-up and at the end.
    worker_cpu_share
        The share of a core that the worker took in between.
    cpu_share
        That which this process took meanwhile; sender and watcher have their own.
    """

    sending: Sending
    probes: Int64s
    watching: Watching
    worker_before: Int64s
    worker_after: Int64s
    worker_cpu_share: float
    cpu_share: float


def live_run(traffic: Traffic, pace: Pace, settings: Settings, worker: LiveWorker) -> LiveRun:
    """Send the traffic at its pace, each event with the time at which it is due as its `ts`, and watch."""
    histogram = WorkerHistogram(settings)
    events = paced(traffic, pace.rate, settings)
    numbers = _numbers_of_probes(traffic, pace)
    probes = _probes(traffic, numbers, events.due, settings)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        watching = pool.submit(watch, probes, settings.redis)
        sending = pool.submit(send_open_loop, events.requests.requests)
        with CpuShare() as share:
            _until(float(events.due[pace.warm_up_events]), events, sending)
            before, used = histogram.so_far(), worker.usage.cpu_seconds
            _until(float(events.due[-1]), events, sending)
            used = worker.usage.cpu_seconds - used
        sent = sending.result().of_events(events)
        seen = watching.result()
    return LiveRun(sent, numbers, seen, before, histogram.so_far(), used / pace.seconds, share.measured)


def _numbers_of_probes(traffic: Traffic, pace: Pace) -> Int64s:
    """An even choice of the events after the warm-up that are good and not purchases."""
    source = traffic.source
    candidates = traffic.first & (traffic.visits.type[np.maximum(source, 0)] != PURCHASE)
    candidates[: pace.warm_up_events] = False
    numbers = np.flatnonzero(candidates)
    count = min(len(numbers), round(_PROBES_PER_SECOND * pace.seconds))
    return numbers[np.linspace(0, len(numbers) - 1, count).astype(np.int64)]


def _probes(traffic: Traffic, numbers: Int64s, due: Floats, settings: Settings) -> list[Probe]:
    visits, events = traffic.visits, traffic.source[numbers].tolist()
    return [
        Probe(f"{settings.prefix}rec:{traffic.user_names[visits.user[event]].decode()}", int(visits.ts[event]), when)
        for event, when in zip(events, due[numbers].tolist(), strict=True)
    ]


def _until(moment: float, events: PacedTraffic, sending: Future[Any]) -> None:
    """Wait and show how far the events are; the sender may fail before."""
    with progress_bar("sending", len(events.due)) as show:
        while (wait := moment - time.time()) > 0 and not sending.done():
            show(events.due_now())
            time.sleep(min(wait, _SHOW_SECONDS))
