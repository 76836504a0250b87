"""Brings outputs out: messages to Kafka, values to Redis, done when both have them."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import msgspec
from redis.exceptions import WatchError

from streams.outputs import Message, Outputs
from streams.redis_writer import RedisWriter
from streams.trending_merge import TrendingPart, merged, trending_list

_PARTS: Final = "trending-parts"


class Publisher:
    """Publishes what folds want done.

    Parameters
    ----------
    producer
        Faust's producer.
    writer
        The way to Redis.
    """

    def __init__(self, producer: Any, writer: RedisWriter) -> None:
        self.producer = producer
        self.writer = writer

    async def claim(self, owner: str, generation: int) -> None:
        """Shut out older owners of a partition before its first batch is processed."""
        await self.writer.claim(owner, generation)

    async def publish(self, outputs: Outputs, owner: str, generation: int) -> float:
        """Return when Kafka has acknowledged every message and Redis has every value.

        The result is the time (epoch ms) at which the values could be read.
        """
        sent = [await self._send(message) for message in outputs.messages]
        await self.writer.write(owner, generation, outputs.strings, outputs.hashes)
        if outputs.trending is not None:
            await self._merge_trending(outputs.trending)
        visible_ms = time.time() * 1000
        if sent:
            await asyncio.gather(*sent)
        return visible_ms

    async def _send(self, message: Message) -> Any:
        return await self.producer.send(
            message.topic, message.key, message.value, message.partition, None, list(message.headers)
        )

    async def _merge_trending(self, part: TrendingPart) -> None:
        """Put one item partition's share into `trending:all`; whoever comes in between makes us try again."""
        redis: Any = self.writer.redis
        prefix = self.writer.prefix
        parts_key = f"{prefix}{_PARTS}"
        async with redis.pipeline() as pipe:
            while True:
                await pipe.watch(parts_key)
                known = await pipe.hgetall(parts_key)
                known[b"%d" % part.partition] = value = msgspec.json.encode(part)
                parts = [msgspec.json.decode(known[field], type=TrendingPart) for field in sorted(known)]
                shares, as_of = merged(parts)
                pipe.multi()
                pipe.hset(parts_key, str(part.partition), value)
                pipe.expire(parts_key, self.writer.keep_seconds)
                pipe.set(
                    f"{prefix}trending:all",
                    trending_list(shares, as_of, "trending"),
                    ex=self.writer.keep_seconds,
                )
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return
