"""Puts what trends in every item partition together in Redis, whoever owns the partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streams.errors import EngineError
from streams.redis_writer import RedisWriter
from streams.together import Together
from streams.trending_merge import TrendingPart, merged, trending_list

_PARTS: Final = "trending-parts"
_Request = tuple[TrendingPart, str]


class TrendingWriter:
    """Puts the parts of all item partitions together into `trending:all`, whoever owns them."""

    def __init__(self, writer: RedisWriter) -> None:
        self.writer = writer
        self._together: Together[_Request, None] = Together(self._put)

    async def put(self, part: TrendingPart, owner: str) -> None:
        """Put one part in; all have to be read for it, so those put in the same moment go together.

        Raises
        ------
        EngineError
            A newer generation owns the partition.
        """
        await self._together((part, owner))

    async def _put(self, requests: Sequence[_Request]) -> list[None]:
        """Whoever comes in between makes us try again."""
        await self.writer.patience.call(lambda: self._merge(requests))
        return [None] * len(requests)

    async def _merge(self, requests: Sequence[_Request]) -> None:
        redis: Any = self.writer.redis
        prefix, keep_seconds = self.writer.prefix, self.writer.keep_seconds
        parts_key, fence_keys = f"{prefix}{_PARTS}", [f"{prefix}fence:{owner}" for _, owner in requests]
        new = {b"%d" % part.partition: msgspec.json.encode(part) for part, _ in requests}
        async with redis.pipeline() as pipe:
            await pipe.watch(parts_key, *fence_keys)
            for (_, owner), fence in zip(requests, await pipe.mget(fence_keys), strict=True):
                if fence and int(fence.split()[0]) > self.writer.fences[owner].generation:
                    raise EngineError(f"This worker lost {owner} to another one, so it stops: start it again.")
            known = await pipe.hgetall(parts_key) | new
            shares, as_of = merged(msgspec.json.decode(known[field], type=TrendingPart) for field in sorted(known))
            pipe.multi()
            pipe.hset(parts_key, mapping=new)
            pipe.expire(parts_key, keep_seconds)
            pipe.set(f"{prefix}trending:all", trending_list(shares, as_of, "trending"), ex=keep_seconds)
            await pipe.execute()
