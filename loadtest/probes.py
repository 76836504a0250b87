"""See from outside, as a shop would, when a recommendation takes account of an event."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from loadtest.as_of import TAIL, as_of

#: How often Redis is asked; the measured times are at most about so much too long.
_POLL_SECONDS: Final = 0.001
#: A probe that is not seen within this time after it was due counts as never seen.
_PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Probe:
    """An event to look out for: the key that has to take account of it, its `ts` (ms), and when it is due (epoch s)."""

    key: str
    ts: int
    due: float


@dataclass(frozen=True)
class Sighting:
    """When a probe was seen (epoch s), and how long before that it was certainly not there yet; None: never seen."""

    seen: float | None
    uncertain_seconds: float


def watch(probes: Sequence[Probe], redis_url: str) -> list[Sighting]:
    """Ask Redis for every probe from its due time on until it is there. Runs in a process of its own.

    Another event of the same shopper with a later `ts` would be taken for the probe; in the same topic it cannot
    overtake it.
    """
    redis: Any = Redis.from_url(redis_url)
    sightings = [Sighting(None, 0.0)] * len(probes)
    waiting: dict[int, float] = {}  # number of the probe: when it was last known not to be there
    following = 0
    while following < len(probes) or waiting:
        began = time.time()
        while following < len(probes) and probes[following].due <= began:
            waiting[following] = probes[following].due
            following += 1
        _look(redis, probes, waiting, sightings)
        pause = _POLL_SECONDS if waiting else probes[following].due - began if following < len(probes) else 0.0
        time.sleep(max(0.0, began + pause - time.time()))
    return sightings


def _look(redis: Any, probes: Sequence[Probe], waiting: dict[int, float], sightings: list[Sighting]) -> None:
    if not waiting:
        return
    pipeline = redis.pipeline(transaction=False)
    for number in waiting:
        pipeline.getrange(probes[number].key, *TAIL)
    asked = time.time()
    tails = pipeline.execute()
    answered = time.time()
    for number, tail in zip(list(waiting), tails, strict=True):
        if as_of(tail) >= probes[number].ts:
            sightings[number] = Sighting(answered, answered - waiting.pop(number))
        elif asked - probes[number].due > _PATIENCE_SECONDS:
            del waiting[number]
        else:
            waiting[number] = asked
