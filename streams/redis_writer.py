"""Writes outputs to Redis: in batches, with an expiry on every key, and never for an owner that was replaced.

Every key and who writes and reads it:

| key | type | written by | value |
|---|---|---|---|
| `rec:{user}` | string | shoppers | JSON list of recommendations |
| `user:{user}` | hash | shoppers | counters, segment, propensity |
| `sim:{item}` | string | affinity | JSON list of similar items |
| `trending:all` | string | affinity | JSON list of what trends over all |
| `trending:{segment}` | string | learner | JSON list of what trends in a segment |
| `model:parameters` | string | learner | JSON parameters of propensity and segments; read back by shoppers |
| `trending-parts` | hash | affinity | per item partition what trends in it; merged into `trending:all` |
| `fence:{agent}:{partition}` | string | all agents | newest owner's generation, number of writes, offsets reached |
| `progress` | hash | all agents | per topic and partition the next offset to process |
| `checkpoints` | hash | all agents | per agent and partition the last checkpoint: records, when, bytes, seconds |
| `lost` | hash | all agents | ranges of offsets that Kafka no longer had when they were needed |
| `stopped` | hash | shoppers | per topic and partition why it is stopped, if it is |
| `worker:{name}` | hash | every worker | its counters, for the demo and `upwell lag`; see [operating](operating.md) |
| `upwell` | string | every worker | marks the keys as ours: application and version |
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError, ResponseError

from streams.errors import EngineError
from streams.patience import Patience
from streams.quick_packing import Packed
from streams.redis_calls import Call, Write, one_call, shared
from streams.shared_trips import SharedTrips
from streams.together import Together
from streams.values import NO_VALUES, Values

Offsets = tuple[int, ...]


@dataclass
class Fence:
    """What an owner knows of its partition's fence.

    Attributes
    ----------
    generation
        Of the consumer group when the partition was assigned.
    writes
        How many writes this and earlier owners made.
    reached
        Up to which offsets, in the order of the agent's topics, Redis has what follows from them.
    losses
        How often Redis was found to have lost some of them.
    is_whole
        False while values are missing that have to be written again.
    """

    generation: int
    writes: int
    reached: Offsets
    losses: int = 0
    is_whole: bool = True


class _Place(NamedTuple):
    """Where calls stand in the row of their owner's: the number of the first, and the offsets reached before it."""

    owner: str
    first: int
    before: Offsets


_Small = tuple[_Place, Write]
#: The key of a fence, and generation, known writes, and writes and offsets after a call.
_Pass = tuple[str, int, int, str]
_Command = tuple[int, Sequence[Any]]


class RedisWriter:
    """The only place that writes what shops read.

    Each write says which number it has. Redis keeps the number of the last one beside the owner's generation; where
    it has an older one, or none, it has lost what was written in between (a restart, a failover, a FLUSHALL). It also
    keeps the offsets that the writes came to: whoever begins with a state beyond them knows that somebody went back to
    an older state meanwhile, and left older values.

    Parameters
    ----------
    redis
        The connection.
    prefix
        Put before every key.
    keep_seconds
        Time to live of every key.
    patience
        How long to put up with a Redis that fails.
    """

    def __init__(self, redis: Redis, prefix: str, keep_seconds: int, patience: Patience) -> None:
        self.redis = redis
        self.prefix = prefix
        self.keep_seconds = keep_seconds
        self.patience = patience
        self.fences: dict[str, Fence] = {}
        self._trips = SharedTrips(redis)
        self._together: Together[_Small, None] = Together(self._share)
        self._claim = redis.register_script(_script("claim"))
        self._values = redis.register_script(_script("fence") + _script("values"))

    async def claim(
        self, owner: str, generation: int, writes: int, reached: Offsets, is_current: Callable[[], Awaitable[bool]]
    ) -> None:
        """Take over an agent's partition (such as "shoppers:3"): from now on older generations are refused.

        `writes` is how many writes there were up to the state that the new owner begins with, `reached` the offsets of
        that state, in the order of the agent's topics: Redis has to have both, or all is written again. Where Redis
        knows a higher generation, `is_current` asks Kafka: if ours is the newest there, the group was deleted
        meanwhile, and the fence is overruled, provided that nobody has touched it since.

        Raises
        ------
        EngineError
            A newer generation owns the partition already.
        """
        redis: Any = self.redis
        fence: bytes | None = await self.patience.call(lambda: redis.get(self._key(owner)))
        overruled = b""
        if fence and int(fence.split()[0]) > generation and await is_current():
            overruled = fence
        known = await self._claimed(owner, generation, writes, reached, overruled)
        self.fences[owner] = Fence(generation, max(known, writes), reached, is_whole=known >= 0)

    async def write(
        self,
        owner: str,
        strings: Values = NO_VALUES,
        hashes: Values = NO_VALUES,
        hash_fields: Sequence[str] = (),
        reached: Offsets | None = None,
    ) -> None:
        """Write values in the name of a partition; without any, see whether Redis still has those from before.

        `reached` says up to which offsets Redis has all that follows from them once this is written.

        Raises
        ------
        EngineError
            A newer generation owns the partition: this worker is a zombie and has to stop.
        """
        write = Write(strings, hashes, hash_fields)
        if write.is_small:
            await self._together((self._place(owner, 1, reached), write))
        else:
            calls = list(write.calls(self.prefix))
            await self._write(self._place(owner, len(calls), reached), calls)

    async def make_whole(self, owner: str) -> None:
        """Note that all values that were lost are written again."""
        self.fences[owner].is_whole = True
        await self._write(self._place(owner, 1), [Call()], acknowledged=0)

    def _place(self, owner: str, calls: int, reached: Offsets | None = None) -> _Place:
        """The next place for so many calls; Redis has `reached` with the last of them."""
        fence = self.fences[owner]
        place = _Place(owner, fence.writes + 1, fence.reached)
        fence.writes, fence.reached = fence.writes + calls, reached or fence.reached
        return place

    async def _share(self, writes: Sequence[_Small]) -> list[BaseException | None]:
        """Make small writes in as few calls as may be."""
        groups = [writes[some] for some in shared([write for _, write in writes])]
        return list(chain.from_iterable(await asyncio.gather(*map(self._write_few, groups))))

    async def _write_few(self, group: Sequence[_Small]) -> list[BaseException | None]:
        """Make writes in one call; if Redis refuses it, each by itself, to see which one it is and why."""
        if len(group) > 1:
            with contextlib.suppress(RedisError):
                passes = [self._pass(place, place.first) for place, _ in group]
                call = one_call(self.prefix, [write for _, write in group])
                await self._trips.call(self._values, [self._command(passes, call)])
                return [None] * len(group)
        alone = (self._write(place, [one_call(self.prefix, [write])]) for place, write in group)
        return await asyncio.gather(*alone, return_exceptions=True)

    async def _write(self, place: _Place, calls: Sequence[Call], acknowledged: int | None = None) -> None:
        """Make calls in their order, in one trip."""
        owner, fence = place.owner, self.fences[place.owner]
        while True:
            commands = [
                self._command([self._pass(place, number, acknowledged)], call)
                for number, call in enumerate(calls, place.first)
            ]
            try:
                await self._call(self._values, owner, commands)
                return
            except ResponseError as error:
                if "LOST" not in str(error):
                    raise
                fence.losses, fence.is_whole = fence.losses + 1, False
                await self._claimed(owner, fence.generation, fence.writes, fence.reached)

    def _pass(self, place: _Place, number: int, acknowledged: int | None = None) -> _Pass:
        """What lets call number `number` of an owner through."""
        fence, known = self.fences[place.owner], number - 1 if acknowledged is None else acknowledged
        offsets = fence.reached if number == fence.writes else place.before
        known, after = (known, f"{number} {_text(offsets)}") if fence.is_whole else (0, "0 ?")
        return self._key(place.owner), fence.generation, known, after

    def _command(self, passes: Sequence[_Pass], call: Call) -> _Command:
        keys = [key for key, *_ in passes]
        arguments = chain.from_iterable(rest for _, *rest in passes)
        return _command([*keys, *call.keys], [self.keep_seconds, len(passes), *arguments, *call.values])

    async def _claimed(self, owner: str, generation: int, writes: int, reached: Offsets, overruled: bytes = b"") -> int:
        command = _command([self._key(owner)], [generation, writes, _text(reached), overruled])
        return int((await self._call(self._claim, owner, [command]))[0])

    async def _call(self, script: AsyncScript, owner: str, commands: Sequence[_Command]) -> list[Any]:
        """The answers of a script to several calls; it is the fence of the owner that lets them pass."""
        try:
            return await self.patience.call(lambda: self._trips.call(script, commands))
        except ResponseError as error:
            if "FENCED" in str(error):
                raise EngineError(
                    f"This worker lost {owner} to another one while it was away ({error}), so it stops: start it again."
                ) from None
            raise

    def _key(self, owner: str) -> str:
        return f"{self.prefix}fence:{owner}"


def _command(keys: Sequence[str | Packed], arguments: Sequence[Any]) -> _Command:
    """A call of a script: how many keys it has, the keys, the arguments."""
    return sum(key.count if isinstance(key, Packed) else 1 for key in keys), (*keys, *arguments)


def _text(offsets: Offsets) -> str:
    return ",".join(map(str, offsets))


def _script(name: str) -> str:
    return files("streams").joinpath("lua", f"{name}.lua").read_text()
