"""Brings outputs out: messages to Kafka, values to Redis, done when both have them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

from streams.outputs import Message, Outputs
from streams.redis_writer import Offsets, RedisWriter
from streams.together import Together
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
        self._together: Together[Sequence[Message], list[Any]] = Together(self._send)

    async def publish(self, outputs: Outputs, owner: str, reached: Offsets | None = None) -> float:
        """Return when Kafka has acknowledged every message and Redis has every value.

        `reached` is what `RedisWriter.write` wants to know. The result is the time (epoch ms) at which the values could
        be read.
        """
        # A task begins when this one waits, which is when the values are on their way: Redis works while this sends.
        sending = asyncio.ensure_future(self._together(outputs.messages)) if outputs.messages else None
        await self.writer.write(owner, outputs.strings, outputs.hashes, outputs.hash_fields, reached)
        if outputs.trending is not None:
            await self._trending.put(outputs.trending, owner)
        visible_ms = time.time() * 1000
        if sending is not None:
            await asyncio.gather(*(await sending))
        return visible_ms

    async def _send(self, messages: Sequence[Sequence[Message]]) -> list[list[Any]]:
        """Send messages of several partitions, those to the same one as one; what to wait for is returned to all."""
        sent: list[Any] = []
        for (topic, partition), group in groupby(sorted(chain(*messages), key=_receiver), key=_receiver):
            together = list(group)
            # aiokafka's way for one message refuses what has neither key nor value, which is what came if this is one.
            if len(together) > 1 or (together[0].key is None and together[0].value is None):
                sent += await self._send_batches(topic, partition, together)
            else:
                key, value, headers = together[0].key, together[0].value, list(together[0].headers)
                sent.append(await self.producer.send(topic, key, value, partition, None, headers))
        return [sent] * len(messages)

    async def _send_batches(self, topic: str, partition: int, messages: Sequence[Message]) -> list[Any]:
        """The same without the time that Faust and aiokafka take for each: rejected events may be many."""
        kafka, sent = self.producer._ensure_producer(), []
        batch = kafka.create_batch()
        for message in messages:
            what = {"timestamp": None, "key": message.key, "value": message.value, "headers": list(message.headers)}
            if batch.append(**what) is None:  # it is full
                sent.append(await kafka.send_batch(batch, topic, partition=partition))
                batch = kafka.create_batch()
                batch.append(**what)  # the first one always fits
        sent.append(await kafka.send_batch(batch, topic, partition=partition))
        return sent


def _receiver(message: Message) -> tuple[str, int]:
    return message.topic, message.partition
