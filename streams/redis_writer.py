"""Writes outputs to Redis: in batches, with an expiry on what shops read, and never for an owner that was replaced.

Every key and who writes it:

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
| `progress` | hash | all agents | per topic and partition the next offset to process, and when the last record came |
| `checkpoints` | hash | all agents | per agent and partition the last: records, when, bytes, seconds, pause in ms |
| `lost` | hash | all agents | ranges of offsets that Kafka no longer had when they were needed |
| `stopped` | hash | shoppers | per topic and partition why it is stopped, if it is |
| `worker:{name}` | hash | every worker | its counters, for the demo and `upwell check`; see [operating](operating.md) |
| `upwell` | string | every worker | marks the keys as ours: application and version |
"""

from __future__ import annotations

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
from streams.redis_calls import Call, Offsets, Write, one_call, shared
from streams.script_calls import Command, call_script


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


class _Placed(NamedTuple):
    """A write, the number of its first call among those of its owner, and the offsets reached before it."""

    write: Write
    first: int
    before: Offsets


#: The key of a fence, and generation, known writes, and writes and offsets after a call.
_Pass = tuple[str, int, int, str]


class RedisWriter:
    """The way to Redis of all that shops read, but for what trends over all: see `streams.trending_writer`.

    Each write says which number it has. Redis keeps the number of the last one beside the owner's generation; where
    it has an older one, or none, it has lost what was written in between (a restart, a failover, a FLUSHALL). It also
    keeps the offsets that the writes came to: whoever begins with a state beyond them knows that somebody went back to
    an older state meanwhile, and left older values.

    Parameters
    ----------
    redis
        The connection, as `streams.quick_connection.connect` makes it.
    prefix
        Put before every key.
    keep_seconds
        Time to live of what is written in the name of an owner.
    patience
        How long to put up with a Redis that fails.
    """

    def __init__(self, redis: Redis, prefix: str, keep_seconds: int, patience: Patience) -> None:
        self.redis = redis
        self.prefix = prefix
        self.keep_seconds = keep_seconds
        self.patience = patience
        self.fences: dict[str, Fence] = {}
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

    async def write_many(self, writes: Sequence[Write]) -> None:
        """Write values in the name of several partitions, in one trip; small writes share a call.

        A write without values sees whether Redis still has the others. What Redis refuses, or may not have got, is
        written once more, partition by partition: then it is known which one it is and why.

        Raises
        ------
        EngineError
            A newer generation owns one of the partitions: this worker is a zombie and has to stop.
        """
        small = [self._placed(write, 1) for write in writes if write.is_small]
        groups = [small[some] for some in shared([placed.write for placed in small])]
        calls = [[one_call(self.prefix, [placed.write for placed in group])] for group in groups]
        for write in writes:
            if not write.is_small:
                calls.append(list(write.calls(self.prefix)))
                groups.append([self._placed(write, len(calls[-1]))])
        for group, its, is_done in zip(groups, calls, await self._tried(groups, calls), strict=True):
            if not is_done:
                for placed in group:
                    await self._written(placed, its if len(group) == 1 else [one_call(self.prefix, [placed.write])])

    async def make_whole(self, owner: str) -> None:
        """Note that all values that were lost are written again."""
        self.fences[owner].is_whole = True
        await self._written(self._placed(Write(owner), 1), [Call()])

    async def are_whole(self, owners: Sequence[str]) -> bool:
        """Whether Redis has all values of other partitions, as far as whoever owns them knows."""
        redis: Any = self.redis
        fences = await self.patience.call(lambda: redis.mget([self._key(owner) for owner in owners]))
        return all(fence is not None and not fence.endswith(b"?") for fence in fences)

    def _placed(self, write: Write, calls: int) -> _Placed:
        """Give a write its place; Redis has reached its offsets with the last of its calls."""
        fence = self.fences[write.owner]
        placed = _Placed(write, fence.writes + 1, fence.reached)
        fence.writes, fence.reached = fence.writes + calls, write.reached or fence.reached
        return placed

    async def _tried(self, groups: Sequence[Sequence[_Placed]], calls: Sequence[Sequence[Call]]) -> list[bool]:
        """Make the calls of groups of writes in one trip; whether Redis has done all those of each.

        Those with lists go first, so that nobody's list waits for the profiles of another partition.
        """
        places = [(group, number) for group, its in enumerate(calls) for number in range(len(its))]
        places.sort(key=lambda place: not calls[place[0]][place[1]].has_strings)
        commands = [
            self._command([self._pass(placed, placed.first + number) for placed in groups[group]], calls[group][number])
            for group, number in places
        ]
        try:
            answers = await call_script(self.redis, self._values, commands)
        except RedisError:
            return [False] * len(groups)
        refused = {
            group for (group, _), answer in zip(places, answers, strict=True) if isinstance(answer, BaseException)
        }
        return [group not in refused for group in range(len(groups))]

    async def _written(self, placed: _Placed, calls: Sequence[Call]) -> None:
        """Make calls of one partition in their order, in one trip, until Redis has done all of them."""
        owner, fence = placed.write.owner, self.fences[placed.write.owner]
        while True:
            commands = [
                self._command([self._pass(placed, number)], call) for number, call in enumerate(calls, placed.first)
            ]
            try:
                await self._call(self._values, owner, commands)
                return
            except ResponseError as error:
                if "LOST" not in str(error):
                    raise
                fence.losses, fence.is_whole = fence.losses + 1, False
                await self._claimed(owner, fence.generation, fence.writes, fence.reached)

    def _pass(self, placed: _Placed, number: int) -> _Pass:
        """What lets call number `number` of an owner through."""
        owner = placed.write.owner
        fence = self.fences[owner]
        offsets = fence.reached if number == fence.writes else placed.before
        after = f"{number} {_text(offsets) if fence.is_whole else '?'}"
        return self._key(owner), fence.generation, number - 1, after

    def _command(self, passes: Sequence[_Pass], call: Call) -> Command:
        keys = [key for key, *_ in passes]
        arguments = chain.from_iterable(rest for _, *rest in passes)
        return _command([*keys, *call.keys], [self.keep_seconds, len(passes), *arguments, *call.values])

    async def _claimed(self, owner: str, generation: int, writes: int, reached: Offsets, overruled: bytes = b"") -> int:
        command = _command([self._key(owner)], [generation, writes, _text(reached), overruled])
        return int((await self._call(self._claim, owner, [command]))[0])

    async def _call(self, script: AsyncScript, owner: str, commands: Sequence[Command]) -> list[Any]:
        """The answers of a script to several calls; it is the fence of the owner that lets them pass."""

        async def called() -> list[Any]:
            answers = await call_script(self.redis, script, commands)
            if (refusal := _refusal(answers)) is not None:
                raise refusal
            return answers

        try:
            return await self.patience.call(called)
        except ResponseError as error:
            if "FENCED" in str(error):
                raise EngineError(
                    f"This worker lost {owner} to another one while it was away ({error}), so it stops: start it again."
                ) from None
            if "WRONGTYPE" in str(error):
                raise EngineError(
                    f"What {owner} writes belongs to somebody else in Redis ({error}), so this worker stops: give it a "
                    "database of its own, or set UPWELL_PREFIX."
                ) from None
            raise

    def _key(self, owner: str) -> str:
        return fence_key(self.prefix, owner)


def fence_key(prefix: str, owner: str) -> str:
    """Where the fence of an agent's partition is."""
    return f"{prefix}fence:{owner}"


def _command(keys: Sequence[str | Packed], arguments: Sequence[Any]) -> Command:
    """A call of a script: how many keys it has, the keys, the arguments."""
    return sum(key.count if isinstance(key, Packed) else 1 for key in keys), (*keys, *arguments)


def _refusal(answers: Sequence[Any]) -> BaseException | None:
    """The first error among answers."""
    return next((answer for answer in answers if isinstance(answer, BaseException)), None)


def _text(offsets: Offsets) -> str:
    return ",".join(map(str, offsets))


def _script(name: str) -> str:
    return files("streams").joinpath("lua", f"{name}.lua").read_text()
