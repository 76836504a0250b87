"""One turn of one contender: from an empty Redis through the backlog, or until its time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from loadtest.clean_slate import clean_slate
from loadtest.drain import drain
from loadtest.live_worker import LiveWorker, live_worker
from loadtest.peers.contenders import CONTENDERS, UPWELL
from streams.errors import EngineError
from streams.reading import open_redis, read
from streams.settings import Settings
from streams.topics import COVISITS, EXAMPLES, REJECTED

_POLL_SECONDS: Final = 0.05
_START_SECONDS: Final = 120.0
#: A contender that writes in bursts has finished its first one after so long.
_BURST_SECONDS: Final = 0.5
_KEYS_AT_ONCE: Final = 1000


@dataclass(frozen=True)
class Backlog:
    """What is in Kafka.

    Attributes
    ----------
    records
        In all.
    writes
        How many of them a peer writes something for: the rest it takes for no event.
    users
        Ids of everyone who acted.
    """

    records: int
    writes: int
    users: list[str]


@dataclass(frozen=True)
class Turn:
    """What came of it.

    Attributes
    ----------
    events, seconds, cpu_seconds
        Records processed after the first sign of progress, and the time and the processor time of the contender's
        process from then on.
    start_up_seconds
        Until that first sign.
    complete
        Whether it went through the whole backlog in its time.
    lists
        For how many users there is a list of recommendations, and one that can be read.
    """

    contender: str
    events: int
    seconds: float
    cpu_seconds: float
    start_up_seconds: float
    complete: bool
    lists: int

    @property
    def cpu_us_per_event(self) -> float:
        """Processor time in microseconds per event."""
        return 1e6 * self.cpu_seconds / self.events

    @property
    def events_per_second(self) -> float:
        """By the clock on the wall."""
        return self.events / self.seconds


class _Sample(NamedTuple):
    """How many writes there were at a moment, and the processor time used by then."""

    at: float
    cpu_seconds: float
    writes: int


def take_turn(
    name: str,
    group: str,
    backlog: Backlog,
    variables: Mapping[str, str],
    directory: Path,
    limit_seconds: float,
    show: Callable[[int], None],
) -> Turn:
    """Let a contender have the servers for itself.

    Raises
    ------
    EngineError
        It ended, made no progress, or left nothing readable.
    """
    variables = {**variables, "UPWELL_APPLICATION": group, "UPWELL_CHECKPOINTS": str(directory / "checkpoints")}
    settings = Settings.load(variables)
    clean_slate(settings, [COVISITS, EXAMPLES, REJECTED])
    with live_worker(directory, variables, CONTENDERS[name].arguments(settings, group)) as worker:
        turn = _upwell if name == UPWELL else _peer
        events, seconds, cpu_seconds, start_up, complete = turn(worker, settings, backlog, limit_seconds, show)
    if not events:
        raise EngineError(f"Contender {name} processed all or nothing at once: take more --events.")
    lists = _readable_lists(settings, backlog.users)
    if not lists or (complete and lists < len(backlog.users)):
        raise EngineError(f"Contender {name} left lists for {lists} of {len(backlog.users)} users.")
    return Turn(name, events, seconds, cpu_seconds, start_up, complete, lists)


_Measured = tuple[int, float, float, float, bool]


def _upwell(
    worker: LiveWorker, settings: Settings, backlog: Backlog, _: float, show: Callable[[int], None]
) -> _Measured:
    """Its own agents feed each other, so it is done when all their topics are read."""
    drained = drain(worker, settings, backlog.records, show)
    return drained.events, drained.seconds, drained.cpu_seconds, drained.start_up_seconds, True


def _peer(
    worker: LiveWorker, settings: Settings, backlog: Backlog, limit_seconds: float, show: Callable[[int], None]
) -> _Measured:
    """Redis counts the writes, which costs the contender nothing: one for every event."""
    redis, started = open_redis(settings), time.monotonic()
    last = _sample(worker, redis)
    while not last.writes:
        if last.at - started > _START_SECONDS:
            raise EngineError(f"The contender made no progress for {_START_SECONDS:g} s: see {worker.log}.")
        time.sleep(_POLL_SECONDS)
        last = _sample(worker, redis)
    first, began = last, last.at
    while last.writes < backlog.writes and time.monotonic() < began + limit_seconds:
        time.sleep(_POLL_SECONDS)
        sample = _sample(worker, redis)
        if sample.at <= began + _BURST_SECONDS and sample.writes < backlog.writes:
            first = sample
        if sample.writes > last.writes:
            last = sample
        show(last.writes * backlog.records // backlog.writes)
    events = (last.writes - first.writes) * backlog.records // backlog.writes
    complete = last.writes >= backlog.writes
    return events, last.at - first.at, last.cpu_seconds - first.cpu_seconds, first.at - started, complete


def _sample(worker: LiveWorker, redis: Any) -> _Sample:
    writes = read(redis.info, "commandstats").get("cmdstat_set", {}).get("calls", 0)
    return _Sample(time.monotonic(), worker.usage.cpu_seconds, int(writes))


def _readable_lists(settings: Settings, users: list[str]) -> int:
    redis, found = open_redis(settings), 0
    for start in range(0, len(users), _KEYS_AT_ONCE):
        keys = [f"{settings.prefix}rec:{user}" for user in users[start : start + _KEYS_AT_ONCE]]
        values = [value for value in read(redis.mget, keys) if value]
        found += sum(isinstance(msgspec.json.decode(value)["items"], list) for value in values)
    return found
