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
| `fence:{agent}:{partition}` | string | all agents | generation of the newest owner |
| `progress` | hash | all agents | per topic and partition the next offset to process |
| `worker:{name}` | hash | every worker | its counters, for the demo and `upwell lag` |
| `upwell` | string | every worker | marks the keys as ours: application and version |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import chain
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.errors import EngineError

#: Keys in one call: Redis serves nobody else while a call runs, so it is kept under half a millisecond or so.
_KEYS_PER_CALL: Final = 250


class RedisWriter:
    """The only place that writes what shops read.

    Parameters
    ----------
    redis
        The connection.
    prefix
        Put before every key.
    keep_seconds
        Time to live of every key.
    """

    def __init__(self, redis: Redis, prefix: str, keep_seconds: int) -> None:
        self.redis = redis
        self.prefix = prefix
        self.keep_seconds = keep_seconds
        self._strings = redis.register_script(files("streams").joinpath("write_strings.lua").read_text())
        self._hashes = redis.register_script(files("streams").joinpath("write_hashes.lua").read_text())

    async def claim(self, owner: str, generation: int) -> None:
        """Take over an agent's partition: from now on older generations are refused.

        Raises
        ------
        EngineError
            A newer generation owns the partition already.
        """
        await self._call(self._strings, owner, generation, [], [])

    async def write(
        self,
        owner: str,
        generation: int,
        strings: Sequence[tuple[str, bytes]],
        hashes: Sequence[tuple[str, list[bytes]]],
    ) -> None:
        """Write values in the name of an agent's partition (`owner`, such as "shoppers:3").

        Raises
        ------
        EngineError
            A newer generation owns the partition: this worker is a zombie and has to stop.
        """
        for part in _parts(strings):
            await self._call(self._strings, owner, generation, [key for key, _ in part], [value for _, value in part])
        for hashes_part in _parts(hashes):
            values = chain.from_iterable((len(fields), *fields) for _, fields in hashes_part)
            await self._call(self._hashes, owner, generation, [key for key, _ in hashes_part], values)

    async def _call(self, script: Any, owner: str, generation: int, keys: list[str], values: Any) -> None:
        prefix = self.prefix
        try:
            await script(
                keys=[f"{prefix}fence:{owner}", *(prefix + key for key in keys)],
                args=[generation, self.keep_seconds, *values],
            )
        except ResponseError as error:
            if "FENCED" in str(error):
                raise EngineError(
                    f"This worker lost {owner} to another one while it was away ({error}), so it stops: start it again."
                ) from None
            raise


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _KEYS_PER_CALL):
        yield values[start : start + _KEYS_PER_CALL]
