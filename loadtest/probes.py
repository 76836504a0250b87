"""See from outside, as a shop would, when a recommendation takes account of an event."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from redis import Redis

from loadtest.as_of import TAIL, as_of
from loadtest.cpu_share import CpuShare

#: How often Redis is asked; the measured times are at most about so much too long.
_POLL_SECONDS: Final = 0.001
#: How many probes it is asked for at most at a time, by turns, so that a worker that is behind is not set back further.
_AT_ONCE: Final = 32
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


@dataclass(frozen=True)
class Watching:
    """What was seen of each probe, and the share of a core that it took to look."""

    sightings: list[Sighting]
    cpu_share: float


def watch(probes: Sequence[Probe], redis_url: str) -> Watching:
    """Ask Redis for every probe from its due time on until it is there. Runs in a process of its own.

    Another event of the same shopper with a later `ts` would be taken for the probe; in the same topic it cannot
    overtake it.
    """
    lookout = _Lookout(probes, redis_url)
    time.sleep(max(0.0, probes[0].due - time.time()) if probes else 0.0)
    with CpuShare() as share:
        while (pause := lookout.pause_seconds()) is not None:
            time.sleep(pause)
            lookout.look()
    lookout.close()
    return Watching(lookout.sightings, share.measured)


class _Lookout:
    """Probes that are waited for; what they are asked with is encoded before the first is due."""

    def __init__(self, probes: Sequence[Probe], redis_url: str) -> None:
        redis: Any = Redis.from_url(redis_url)
        self._connection = redis.connection_pool.get_connection()
        self._questions = [b"".join(self._connection.pack_command("GETRANGE", one.key, *TAIL)) for one in probes]
        self._probes = probes
        self._following = 0
        self._waiting: dict[int, float] = {}  # probe: when it was last known not to be there; the next in turn first
        self._asked = 0.0
        self.sightings = [Sighting(None, 0.0)] * len(probes)

    def pause_seconds(self) -> float | None:
        """How long until it is time to look; None if there is nothing more to look out for."""
        if self._waiting:
            return max(0.0, self._asked + _POLL_SECONDS - time.time())
        if self._following < len(self._probes):
            return max(0.0, self._probes[self._following].due - time.time())
        return None

    def look(self) -> None:
        """Ask for the probes whose turn it is."""
        self._asked = time.time()
        while self._following < len(self._probes) and self._probes[self._following].due <= self._asked:
            self._waiting[self._following] = self._probes[self._following].due
            self._following += 1
        numbers = list(islice(self._waiting, _AT_ONCE))
        if numbers:
            self._connection.send_packed_command([b"".join([self._questions[number] for number in numbers])])
            tails = [self._connection.read_response() for _ in numbers]
            self._note(numbers, tails, time.time())

    def _note(self, numbers: Sequence[int], tails: Sequence[bytes], answered: float) -> None:
        for number, tail in zip(numbers, tails, strict=True):
            not_before, probe = self._waiting.pop(number), self._probes[number]
            if as_of(tail) >= probe.ts:
                self.sightings[number] = Sighting(answered, answered - not_before)
            elif self._asked - probe.due <= _PATIENCE_SECONDS:
                self._waiting[number] = self._asked

    def close(self) -> None:
        """Let go of Redis."""
        self._connection.disconnect()
