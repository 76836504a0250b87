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

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

from streams.errors import EngineError
from streams.giving_way import give_way
from streams.patience import Patience
from streams.quick_packing import Packed, packed_texts
from streams.shared_trips import SharedTrips
from streams.values import NO_VALUES, Values

#: Keys in one call: Redis serves nobody else while a call runs, a tenth of a millisecond or so.
_FEW_KEYS: Final = 16
#: The more there is to write the larger the calls, as fewer of them take less time: about so many calls, until each
#: has as many keys as a backlog may put into one.
_CALLS: Final = 6
_MANY_KEYS: Final = 64
_encode: Final = msgspec.msgpack.Encoder().encode


#: Keys and arguments.
_Call = tuple[Sequence[Packed], Sequence[Any]]
_NOTHING: Final[_Call] = ((), (0,))
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
        fence: bytes | None = await self.patience.call(lambda: redis.get(f"{self.prefix}fence:{owner}"))
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
        await self._write(owner, list(self._calls(strings, hashes, hash_fields)), reached)

    def _calls(self, strings: Values, hashes: Values, hash_fields: Sequence[str]) -> Iterator[_Call]:
        """Keys and arguments of one call after the other, at least one; see values.lua."""
        total = len(strings) + len(hashes)
        if not total:
            yield _NOTHING
        at_once = min(max(_FEW_KEYS, total // _CALLS), _MANY_KEYS)
        for start in range(0, total, at_once):
            give_way()
            end = start + at_once
            some = strings.part(min(start, len(strings)), min(end, len(strings)))
            hashed = hashes.part(*(min(max(place - len(strings), 0), len(hashes)) for place in (start, end)))
            keys = [packed_texts(self.prefix + part.kind, part.names) for part in (some, hashed) if len(part)]
            values = [len(some), packed_texts("", some.values)]
            yield keys, [*values, _encode(hash_fields), packed_texts("", hashed.values)] if len(hashed) else values

    async def make_whole(self, owner: str) -> None:
        """Note that all values that were lost are written again."""
        self.fences[owner].is_whole = True
        await self._write(owner, [_NOTHING], acknowledged=0)

    async def _write(
        self,
        owner: str,
        calls: Sequence[_Call],
        reached: Offsets | None = None,
        acknowledged: int | None = None,
    ) -> None:
        """Make calls in their order, in one trip: Redis has `reached` with the last of them."""
        fence = self.fences[owner]
        before, first = fence.reached, fence.writes + 1
        fence.writes, fence.reached = fence.writes + len(calls), reached or before
        while True:
            commands = []
            for number, (keys, values) in enumerate(calls, first):
                known = number - 1 if acknowledged is None else acknowledged
                offsets = fence.reached if number == fence.writes else before
                known, after = (known, f"{number} {_text(offsets)}") if fence.is_whole else (0, "0 ?")
                commands.append((keys, [fence.generation, known, after, self.keep_seconds, *values]))
            try:
                await self._call(self._values, owner, commands)
                return
            except ResponseError as error:
                if "LOST" not in str(error):
                    raise
                fence.losses, fence.is_whole = fence.losses + 1, False
                await self._claimed(owner, fence.generation, fence.writes, fence.reached)

    async def _claimed(self, owner: str, generation: int, writes: int, reached: Offsets, overruled: bytes = b"") -> int:
        calls = [((), [generation, writes, _text(reached), overruled])]
        return int((await self._call(self._claim, owner, calls))[0])

    async def _call(self, script: AsyncScript, owner: str, calls: Sequence[_Call]) -> list[Any]:
        """The answers of a script to several calls; it is the fence of the owner that lets them pass."""
        fence = f"{self.prefix}fence:{owner}"
        commands = [(1 + sum(some.count for some in keys), (fence, *keys, *arguments)) for keys, arguments in calls]
        try:
            return await self.patience.call(lambda: self._trips.call(script, commands))
        except ResponseError as error:
            if "FENCED" in str(error):
                raise EngineError(
                    f"This worker lost {owner} to another one while it was away ({error}), so it stops: start it again."
                ) from None
            raise


def _text(offsets: Offsets) -> str:
    return ",".join(map(str, offsets))


def _script(name: str) -> str:
    return files("streams").joinpath("lua", f"{name}.lua").read_text()
