"""One point of a scaling curve: a worker that knows a shop of some size drains a backlog of its events.

Nothing of how it came to know the shop is measured, nor how it starts: it meets everybody, drains a first part of the
traffic, has written all lists, and is asleep while the backlog is filled, so that processor time is that of the
backlog, from its first record on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

import numpy as np

from loadtest.clean_slate import clean_slate
from loadtest.correctness import worker_counters
from loadtest.drain import Drain, drain, drain_more
from loadtest.filling import fill_with
from loadtest.internal_topics import Sent, ends, sent_between
from loadtest.live_worker import live_worker
from loadtest.preload import preload, preload_size
from loadtest.settling import wait_until_settled
from loadtest.traffic import Traffic
from streams.errors import EngineError
from streams.settings import Settings
from streams.sources.record import Record

#: Which part of the traffic comes before the backlog.
_FIRST_SHARE: Final = 0.1
#: So long a worker may be asleep, while the backlog is filled, before it is given up; Faust allows no more.
_SLEEP_SECONDS: Final = 39.0
#: Unless somebody says otherwise; after a sleep all checkpoints would be due at once.
UNDISTURBED: Final = {
    "UPWELL_SESSION_SECONDS": f"{_SLEEP_SECONDS:g}",
    "UPWELL_STALL_SECONDS": "300",
    "UPWELL_CHECKPOINT_SECONDS": "3600",
}


@dataclass(frozen=True)
class Point:
    """What was measured.

    Attributes
    ----------
    events
        Records that were drained.
    acting_users
        How many shoppers the traffic is from: of a large shop, few.
    cpu_us_per_event
        Processor time of the worker.
    lists_per_event
        Recommendation lists written: several events of a shopper in one micro-batch make one.
    sent
        What the agents sent each other for these events, by topic.
    seconds, peak_mib
        How long the backlog took, and the most memory the worker ever held.
    """

    events: int
    acting_users: int
    cpu_us_per_event: float
    lists_per_event: float
    sent: dict[str, Sent]
    seconds: float
    peak_mib: float


def measure_point(
    traffic: Traffic, variables: Mapping[str, str], directory: Path, show: Callable[[int], None]
) -> Point:
    """Let a worker come to know a shop, on servers that it has for itself, and measure what events cost it then.

    Raises
    ------
    EngineError
        The worker ended or made no progress, or filling the backlog took too long.
    """
    directory.mkdir()
    variables = {
        **UNDISTURBED,
        **variables,
        "UPWELL_APPLICATION": directory.name,
        "UPWELL_CHECKPOINTS": str(directory / "checkpoints"),
    }
    settings = Settings.load(variables)
    clean_slate(settings)
    records, first = traffic.records(), int(_FIRST_SHARE * len(traffic))
    known, backlog = preload_size(traffic) + first, len(traffic) - first
    fill_with(chain(preload(traffic), islice(records, first)), known, settings)
    with live_worker(directory / "worker", variables) as worker:
        drain(worker, settings, known, lambda _: None)
        lists_before = wait_until_settled(worker, settings)
        before = ends(settings)
        with worker.asleep():
            _fill_in_time(records, backlog, settings)
        drained = drain_more(worker, settings, known + backlog, lambda done: show(done - known), known)
    return Point(
        events=backlog,
        acting_users=len(np.unique(traffic.visits.user)),
        cpu_us_per_event=_cost(drained),
        lists_per_event=(worker_counters(settings).get("lists", 0) - lists_before) / backlog,
        sent=sent_between(before, ends(settings), settings),
        seconds=drained.seconds,
        peak_mib=drained.peak_mib,
    )


def _fill_in_time(records: Iterable[Record], count: int, settings: Settings) -> None:
    began = time.monotonic()
    fill_with(records, count, settings)
    if time.monotonic() - began > _SLEEP_SECONDS - 1:
        raise EngineError(f"Filling the backlog took more than {_SLEEP_SECONDS - 1:g} s: take fewer --events.")


def _cost(drained: Drain) -> float:
    cost = drained.cpu_us_per_event
    assert cost is not None  # there is a backlog
    return cost
