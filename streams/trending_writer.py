"""Puts what trends in every item partition together in Redis, whoever owns the partitions."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from redis.exceptions import WatchError

from streams.errors import EngineError
from streams.redis_writer import RedisWriter
from streams.trending_merge import TrendingPart, merged, trending_list

_PARTS: Final = "trending-parts"


class TrendingWriter:
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
