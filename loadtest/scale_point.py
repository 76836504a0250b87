"""One point of a scaling curve: a shop of some size is known, and one worker drains a backlog of its events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtest.clean_slate import clean_slate
from loadtest.correctness import worker_counters
from loadtest.drain import drain
from loadtest.filling import fill
from loadtest.internal_topics import Sent, ends, sent_between
from loadtest.live_worker import live_worker
from loadtest.preload import preload, preload_size
from loadtest.traffic import Traffic
from streams.errors import SettingsError
from streams.replay import replay
from streams.settings import Settings


@dataclass(frozen=True)
class Point:
    """What was measured.

    Attributes
    ----------
    cpu_us_per_event
        Processor time of the worker.
    lists_per_event
        Recommendation lists written: several events of a shopper in one micro-batch make one.
    sent
        What the agents sent each other for these events, by topic.
    peak_mib, start_up_seconds
        Of the worker that went on from the checkpoints of one that knew everyone.
    """

    cpu_us_per_event: float
    lists_per_event: float
    sent: dict[str, Sent]
    peak_mib: float
    start_up_seconds: float


def measure_point(
    traffic: Traffic, variables: Mapping[str, str], directory: Path, show: Callable[[int], None]
) -> Point:
    """Let one worker meet everyone and stop, and another one drain the traffic."""
    directory.mkdir()
    variables = {
        **variables,
        "UPWELL_APPLICATION": directory.name,
        "UPWELL_CHECKPOINTS": str(directory / "checkpoints"),
    }
    settings = Settings.load(variables)
    clean_slate(settings)
    met = preload_size(traffic)
    asyncio.run(replay(preload(traffic), settings.kafka))
    with live_worker(directory / "first", variables) as worker:
        drain(worker, settings, met, lambda _: None)
    before, lists_before = ends(settings), worker_counters(settings).get("lists", 0)
    fill(traffic, settings)
    with live_worker(directory / "second", variables) as worker:
        drained = drain(worker, settings, met + len(traffic), lambda done: show(done - met), already=met)
    cpu = drained.cpu_us_per_event
    if cpu is None:
        raise SettingsError(f"{len(traffic)} events were gone at the first look: take more --events.")
    return Point(
        cpu_us_per_event=cpu,
        lists_per_event=(worker_counters(settings).get("lists", 0) - lists_before) / len(traffic),
        sent=sent_between(before, ends(settings), settings),
        peak_mib=drained.peak_mib,
        start_up_seconds=drained.start_up_seconds,
    )
