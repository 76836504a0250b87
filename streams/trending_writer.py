"""Puts what trends in every item partition together in Redis, whoever owns the partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streams.errors import EngineError
from streams.redis_writer import RedisWriter, fence_key
from streams.trending_merge import TrendingPart, merged, trending_list

_PARTS: Final = "trending-parts"


class TrendingWriter:
    """Puts the parts of all item partitions together into `trending:all`, whoever owns them."""

    def __init__(self, writer: RedisWriter) -> None:
        self.writer = writer

    async def put(self, parts: Sequence[tuple[TrendingPart, str]]) -> None:
        """Put parts in, each in the name of its owner; whoever comes in between makes us try again.

        Raises
        ------
        EngineError
            A newer generation owns one of the partitions.
        """
        if parts:
            await self.writer.patience.call(lambda: self._merge(parts))

    async def _merge(self, parts: Sequence[tuple[TrendingPart, str]]) -> None:
        redis: Any = self.writer.redis
        prefix, keep_seconds = self.writer.prefix, self.writer.keep_seconds
        parts_key, fence_keys = f"{prefix}{_PARTS}", [fence_key(prefix, owner) for _, owner in parts]
        new = {b"%d" % part.partition: msgspec.json.encode(part) for part, _ in parts}
        async with redis.pipeline() as pipe:
            await pipe.watch(parts_key, *fence_keys)
            for (_, owner), fence in zip(parts, await pipe.mget(fence_keys), strict=True):
                if fence and int(fence.split()[0]) > self.writer.fences[owner].generation:
                    raise EngineError(f"This worker lost {owner} to another one, so it stops: start it again.")
            known = await pipe.hgetall(parts_key) | new
            shares, as_of = merged(msgspec.json.decode(known[field], type=TrendingPart) for field in sorted(known))
            pipe.multi()
            pipe.hset(parts_key, mapping=new)
            pipe.expire(parts_key, keep_seconds)
            pipe.set(f"{prefix}trending:all", trending_list(shares, as_of, "trending"), ex=keep_seconds)
            await pipe.execute()
