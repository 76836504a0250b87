"""Brings outputs out: messages to Kafka, values to Redis, done when both have them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from itertools import chain, groupby
from typing import Any, NamedTuple

from faust.types import TP

from streams.outputs import Message, Outputs
from streams.progress import Position
from streams.redis_calls import Offsets, Write
from streams.redis_writer import RedisWriter
from streams.single_record import SingleRecord
from streams.trending_writer import TrendingWriter


class Step(NamedTuple):
    """What some records of a partition lead to.

    Attributes
    ----------
    owner
        Of the partition, such as "shoppers:3".
    outputs
        What is to be brought out.
    reached
        Up to where in the topics all that follows is brought out then, see `streams.redis_calls.Write`.
    moved
        Where the topics are then that had any of the records.
    """

    owner: str
    outputs: Outputs
    reached: Offsets | None = None
    moved: Mapping[TP, Position] = {}


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

    async def publish(self, steps: Sequence[Step]) -> float:
        """Return when Kafka has acknowledged every message and Redis has every value, of several partitions at once.

        The result is the time (epoch ms) at which the values could be read.
        """
        # A task begins when this one waits, which is when the values are on their way: Redis works while this sends.
        messages = list(chain.from_iterable(step.outputs.messages for step in steps))
        sending = asyncio.ensure_future(self._send(messages)) if messages else None
        await self.writer.write_many([_write(step) for step in steps])
        await self._trending.put([(step.outputs.trending, step.owner) for step in steps if step.outputs.trending])
        visible_ms = time.time() * 1000
        if sending is not None:
            await asyncio.gather(*(await sending))
        return visible_ms

    async def _send(self, messages: Sequence[Message]) -> list[Any]:
        """Send messages, those to the same partition as one; return what to wait for."""
        kafka, sent = self.producer._ensure_producer(), list[Any]()
        for (topic, partition), group in groupby(sorted(messages, key=_receiver), key=_receiver):
            together = list(group)
            if len(together) > 1:
                sent += await _send_batches(kafka, topic, partition, together)
            else:
                single = SingleRecord(together[0], int(time.time() * 1000))
                sent.append(await kafka.send_batch(single, topic, partition=partition))
        return sent


async def _send_batches(kafka: Any, topic: str, partition: int, messages: Sequence[Message]) -> list[Any]:
    """Send messages without the time that aiokafka takes for each: rejected events may be many."""
    batch, sent = kafka.create_batch(), list[Any]()
    for message in messages:
        what = {"timestamp": None, "key": message.key, "value": message.value, "headers": list(message.headers)}
        if batch.append(**what) is None:  # it is full
            sent.append(await kafka.send_batch(batch, topic, partition=partition))
            batch = kafka.create_batch()
            batch.append(**what)  # the first one always fits
    sent.append(await kafka.send_batch(batch, topic, partition=partition))
    return sent


def _write(step: Step) -> Write:
    outputs = step.outputs
    return Write(step.owner, outputs.strings, outputs.hashes, step.reached)


def _receiver(message: Message) -> tuple[str, int]:
    return message.topic, message.partition
