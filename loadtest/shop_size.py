"""One live run of a shop of some size, and what its state costs: in the worker, in Redis, in checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadtest.checkpoint_sizes import newest_checkpoints
from loadtest.clean_slate import clean_slate
from loadtest.drain import Drain, drain
from loadtest.filling import fill
from loadtest.inspected_worker import Inspection, arguments, inspect
from loadtest.internal_topics import Sent, ends, sent_between
from loadtest.live_worker import live_worker
from loadtest.machine import versions
from loadtest.redis_usage import RedisUsage, redis_usage
from loadtest.settling import wait_for_checkpoint, wait_until_settled
from loadtest.traffic import Traffic
from streams.settings import Settings


@dataclass(frozen=True)
class ShopSize:
    """What was measured.

    Attributes
    ----------
    events, users, items
        Records, and how many different users and items there were in them.
    drained
        Speed, and the processor time it took.
    held, redis
        Memory.
    checkpoints
        Bytes of the newest checkpoints, by agent.
    sent
        What the agents sent each other, by topic.
    versions
        Of all that took part.
    """

    events: int
    users: int
    items: int
    drained: Drain
    held: Inspection
    redis: RedisUsage
    checkpoints: dict[str, int]
    sent: dict[str, Sent]
    versions: dict[str, str]


def measure_shop(
    traffic: Traffic, variables: Mapping[str, str], directory: Path, show: Callable[[int], None]
) -> ShopSize:
    """Let a worker learn the traffic on servers that it has for itself, look at what it holds, and stop it."""
    directory.mkdir()
    checkpoints, visits = directory / "checkpoints", traffic.visits
    users = [f"u{n}" for n in np.unique(visits.user).tolist()]
    items = [f"i{n}" for n in np.unique(visits.item).tolist()]
    variables = {**variables, "UPWELL_APPLICATION": directory.name, "UPWELL_CHECKPOINTS": str(checkpoints)}
    settings = Settings.load(variables)
    clean_slate(settings)
    fill(traffic, settings)
    with live_worker(directory / "worker", variables, arguments(directory)) as worker:
        drained = drain(worker, settings, len(traffic), show)
        wait_until_settled(worker, settings)
        wait_for_checkpoint(worker, checkpoints)
        held = inspect(worker, directory)
        redis = redis_usage(settings, {"rec:": users, "user:": users, "sim:": items}, traffic.settings.shop.seed)
    last = ends(settings)
    return ShopSize(
        events=len(traffic),
        users=len(users),
        items=len(items),
        drained=drained,
        held=held,
        redis=redis,
        checkpoints=newest_checkpoints(checkpoints),
        sent=sent_between(dict.fromkeys(last, 0), last, settings),
        versions=versions(settings),
    )
