"""Events at a fixed rate and, from outside, when their recommendations can be read."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from loadtest.open_loop import Sending, send_open_loop
from loadtest.probes import Probe, Sighting, watch
from loadtest.progress_bar import progress_bar
from loadtest.traffic import Traffic
from loadtest.worker_histogram import worker_histogram
from online_models.compiled import Floats, Int64s
from online_models.events import PURCHASE
from streams.settings import Settings

_PROBES_PER_SECOND: Final = 200
#: Encoding the events and starting the process that watches the probes takes a moment.
_LEAD_SECONDS: Final = 2.0


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
    probes, sightings
        Numbers of the events that were looked out for, and what was seen of each.
    worker_before, worker_after
        The worker's own histogram at the end of the warm-up and at the end.
    """

    sending: Sending
    probes: Int64s
    sightings: list[Sighting]
    worker_before: Int64s
    worker_after: Int64s


def live_run(traffic: Traffic, pace: Pace, settings: Settings) -> LiveRun:
    """Send the traffic at its pace, each event with the time at which it is due as its `ts`, and watch."""
    due = time.time() + _LEAD_SECONDS + np.arange(len(traffic)) / pace.rate
    traffic.visits = replace(traffic.visits, ts=(1000 * due[traffic.first]).astype(np.int64))
    numbers = _probes(traffic, pace)
    return asyncio.run(_run(traffic, due, numbers, pace, settings))


def _probes(traffic: Traffic, pace: Pace) -> Int64s:
    """An even choice of the events after the warm-up that are good and not purchases."""
    source = traffic.source
    candidates = traffic.first & (traffic.visits.type[np.maximum(source, 0)] != PURCHASE)
    candidates[: pace.warm_up_events] = False
    numbers = np.flatnonzero(candidates)
    count = min(len(numbers), round(_PROBES_PER_SECOND * pace.seconds))
    return numbers[np.linspace(0, len(numbers) - 1, count).astype(np.int64)]


async def _run(traffic: Traffic, due: Floats, numbers: Int64s, pace: Pace, settings: Settings) -> LiveRun:
    visits, events = traffic.visits, traffic.source[numbers].tolist()
    probes = [
        Probe(f"{settings.prefix}rec:{traffic.user_names[visits.user[event]].decode()}", int(visits.ts[event]), when)
        for event, when in zip(events, due[numbers].tolist(), strict=True)
    ]
    records = list(traffic.records())
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        watching = asyncio.get_running_loop().run_in_executor(pool, watch, probes, settings.redis)
        before = asyncio.create_task(_histogram_at(float(due[pace.warm_up_events]), settings))
        bar = asyncio.create_task(_show(due))
        sending = await send_open_loop(records, due, settings)
        sightings = await watching
        await bar
    return LiveRun(sending, numbers, sightings, await before, worker_histogram(settings))


async def _histogram_at(moment: float, settings: Settings) -> Int64s:
    await asyncio.sleep(moment - time.time())
    return await asyncio.to_thread(worker_histogram, settings)


async def _show(due: Floats) -> None:
    with progress_bar("sending", len(due)) as show:
        while (now := time.time()) < due[-1]:
            show(int(np.searchsorted(due, now)))
            await asyncio.sleep(0.1)
