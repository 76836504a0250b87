"""Brings outputs out: messages to Kafka, values to Redis, done when both have them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from streams.outputs import Message, Outputs
from streams.redis_writer import Offsets, RedisWriter
from streams.trending_writer import TrendingWriter


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
        self._trending = TrendingWriter(writer)

    async def publish(self, outputs: Outputs, owner: str, reached: Offsets | None = None) -> float:
        """Return when Kafka has acknowledged every message and Redis has every value.

        `reached` is what `RedisWriter.write` wants to know. The result is the time (epoch ms) at which the values could
        be read.
        """
        sent = [await self._send(message) for message in outputs.messages]
        await self.writer.write(owner, outputs.strings, outputs.hashes, outputs.hash_fields, reached)
        if outputs.trending is not None:
            await self._trending.put(outputs.trending, owner)
        visible_ms = time.time() * 1000
        if sent:
            await asyncio.gather(*sent)
        return visible_ms

    async def _send(self, message: Message) -> Any:
        return await self.producer.send(
            message.topic, message.key, message.value, message.partition, None, list(message.headers)
        )
