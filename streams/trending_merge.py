"""What trends over all items, merged from what trends in every item partition."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from redis.exceptions import WatchError

from online_models.ranking import rounded
from online_models.trending import HALF_LIFE_HOURS, HOUR_MS
from streams.errors import EngineError
from streams.redis_writer import RedisWriter

_PARTS: Final = "trending-parts"


class TrendingPart(msgspec.Struct, frozen=True):
    """What trends in one item partition: decayed weights of items, and of all together, as of an event time (ms)."""

    partition: int
    as_of: int
    total: float
    items: list[tuple[str, float]]


def merged(parts: Iterable[TrendingPart], length: int = 50) -> tuple[list[tuple[str, float]], int]:
    """The items with the largest share of all weight as of the newest part, ties by id; and that event time.

    >>> merged([TrendingPart(0, 0, 3.0, [("lamp", 2.0)]), TrendingPart(1, 0, 1.0, [("bulb", 1.0)])])
    ([('lamp', 0.5), ('bulb', 0.25)], 0)
    """
    parts = list(parts)
    as_of = max(part.as_of for part in parts)
    factors = [2.0 ** ((part.as_of - as_of) / (HALF_LIFE_HOURS * HOUR_MS)) for part in parts]
    total = sum(part.total * factor for part, factor in zip(parts, factors, strict=True))
    shares = [
        (item, rounded(weight * factor / total))
        for part, factor in zip(parts, factors, strict=True)
        for item, weight in part.items
    ]
    return sorted(shares, key=lambda entry: (-entry[1], entry[0]))[:length], as_of


def trending_list(shares: list[tuple[str, float]], as_of: int, source: str) -> bytes:
    """The value of a `trending:` key, in the form of a `rec:` key."""
    entries = [{"id": item, "score": share, "because": None} for item, share in shares]
    return msgspec.json.encode({"items": entries, "as_of": as_of, "source": source})


class TrendingMerge:
    """Puts the parts of all item partitions together into `trending:all`, whoever owns them."""

    def __init__(self, writer: RedisWriter) -> None:
        self.writer = writer

    async def put(self, part: TrendingPart, owner: str) -> None:
        """Put one part in; whoever comes in between makes us try again.

        Raises
        ------
        EngineError
            A newer generation owns the partition.
        """
        while not await self.writer.patience.call(lambda: self._try(part, owner)):
            await asyncio.sleep(0)

    async def _try(self, part: TrendingPart, owner: str) -> bool:
        try:
            await self._merge(part, owner)
        except WatchError:  # somebody came in between, or the connection broke
            return False
        return True

    async def _merge(self, part: TrendingPart, owner: str) -> None:
        redis: Any = self.writer.redis
        prefix, keep_seconds = self.writer.prefix, self.writer.keep_seconds
        parts_key, fence_key = f"{prefix}{_PARTS}", f"{prefix}fence:{owner}"
        async with redis.pipeline() as pipe:
            await pipe.watch(parts_key, fence_key)
            fence = await pipe.get(fence_key)
            if fence and int(fence.split()[0]) > self.writer.fences[owner].generation:
                raise EngineError(f"This worker lost {owner} to another one, so it stops: start it again.")
            known = await pipe.hgetall(parts_key)
            known[b"%d" % part.partition] = value = msgspec.json.encode(part)
            shares, as_of = merged(msgspec.json.decode(known[field], type=TrendingPart) for field in sorted(known))
            pipe.multi()
            pipe.hset(parts_key, str(part.partition), value)
            pipe.expire(parts_key, keep_seconds)
            pipe.set(f"{prefix}trending:all", trending_list(shares, as_of, "trending"), ex=keep_seconds)
            await pipe.execute()
