"""See from outside, as a shop would, when a recommendation takes account of an event.

Redis tells when a list that was read has changed (`CLIENT TRACKING`), so that nobody has to ask again and again: a
thousand questions a second would take a tenth of a core from what is measured.
https://redis.io/docs/latest/develop/reference/client-side-caching/.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from redis import Redis

from loadtest.as_of import TAIL, as_of
from loadtest.cpu_share import CpuShare

#: How many probes Redis is asked for at most at a time, so that a worker that is behind is not set back further.
_AT_ONCE: Final = 32
#: A probe that is not seen within this time after it was due counts as never seen.
_PATIENCE_SECONDS: Final = 30.0
#: How often that is looked at when all else is done.
_GIVE_UP_SECONDS: Final = 0.2
_CHANGES: Final = "__redis__:invalidate"


@dataclass(frozen=True)
class Probe:
    """An event to look out for: the key that has to take account of it, its `ts` (ms), and when it is due (epoch s)."""

    key: str
    ts: int
    due: float


@dataclass(frozen=True)
class Sighting:
    """When a probe was seen (epoch s), and how long before that Redis had not told of a change; None: never seen."""

    seen: float | None
    uncertain_seconds: float


@dataclass(frozen=True)
class Watching:
    """What was seen of each probe, and the share of a core that it took to look."""

    sightings: list[Sighting]
    cpu_share: float


def watch(probes: Sequence[Probe], redis_url: str) -> Watching:
    """Ask Redis for every probe when it is due, and whenever its key changes until it is there. Runs in a process of
    its own.

    Another event of the same shopper with a later `ts` would be taken for the probe; in the same topic it cannot
    overtake it.
    """
    lookout = _Lookout(probes, redis_url)
    time.sleep(max(0.0, probes[0].due - time.time()) if probes else 0.0)
    with CpuShare() as share:
        while (pause := lookout.pause_seconds()) is not None:
            lookout.listen(pause)
            lookout.look()
    lookout.close()
    return Watching(lookout.sightings, share.measured)


class _Lookout:
    """Probes that are waited for; what they are asked with is encoded before the first is due."""

    def __init__(self, probes: Sequence[Probe], redis_url: str) -> None:
        # In protocol 2 changes come on a connection of their own.
        self._redis = Redis.from_url(redis_url, protocol=2)
        self._changes = _connection(self._redis)
        number = _answer(self._changes, "CLIENT", "ID")
        _answer(self._changes, "SUBSCRIBE", _CHANGES)
        self._connection = _connection(self._redis)
        _answer(self._connection, "CLIENT", "TRACKING", "ON", "REDIRECT", number)
        self._questions = [b"".join(self._connection.pack_command("GETRANGE", one.key, *TAIL)) for one in probes]
        self._probes = probes
        self._following = 0
        self._waiting: dict[bytes, dict[int, None]] = {}  # key: probes that are not there yet, the first due first
        self._to_ask: dict[int, None] = {}
        self._listened = 0.0
        self.sightings = [Sighting(None, 0.0)] * len(probes)

    def pause_seconds(self) -> float | None:
        """How long there is nothing to do but to listen; None if there is nothing more to look out for."""
        if self._to_ask:
            return 0.0
        if self._following < len(self._probes):
            return max(0.0, self._probes[self._following].due - time.time())
        return _GIVE_UP_SECONDS if self._waiting else None

    def listen(self, seconds: float) -> None:
        """Wait until Redis tells of a change, but not longer than this; the probes it may be about are asked for."""
        self._listened = time.time()
        while self._changes.can_read(timeout=seconds):
            _, _, keys = self._changes.read_response()
            for key in self._waiting if keys is None else keys:  # None: all of them
                self._to_ask |= self._waiting.get(key, {})
            if seconds:
                self._listened, seconds = time.time(), 0.0

    def look(self) -> None:
        """Ask for the probes that are due, or whose key has changed."""
        now = time.time()
        while self._following < len(self._probes) and self._probes[self._following].due <= now:
            self._to_ask[self._following] = None
            self._following += 1
        numbers = list(islice(self._to_ask, _AT_ONCE))
        if numbers:
            self._connection.send_packed_command([b"".join([self._questions[number] for number in numbers])])
            tails = [self._connection.read_response() for _ in numbers]
            self._note(numbers, tails, time.time())
        self._give_up(now)

    def _note(self, numbers: Sequence[int], tails: Sequence[bytes], answered: float) -> None:
        for number, tail in zip(numbers, tails, strict=True):
            probe = self._probes[number]
            del self._to_ask[number]
            if as_of(tail) >= probe.ts:
                self.sightings[number] = Sighting(answered, answered - max(self._listened, probe.due))
                self._forget(number)
            else:
                self._waiting.setdefault(probe.key.encode(), {})[number] = None

    def _give_up(self, now: float) -> None:
        """Probes that were due long ago are not waited for any more."""
        for number in [n for there in self._waiting.values() for n in there]:
            if now - self._probes[number].due > _PATIENCE_SECONDS:
                self._forget(number)

    def _forget(self, number: int) -> None:
        key = self._probes[number].key.encode()
        there = self._waiting.get(key, {})
        there.pop(number, None)
        if not there:
            self._waiting.pop(key, None)

    def close(self) -> None:
        """Let go of Redis."""
        self._redis.connection_pool.disconnect()


def _connection(redis: Redis) -> Any:
    return redis.connection_pool.get_connection()


def _answer(connection: Any, *command: Any) -> Any:
    connection.send_command(*command)
    return connection.read_response()
