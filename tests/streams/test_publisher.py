"""Messages on their way to a real Kafka: all of them, in order, whatever is in them."""

from __future__ import annotations

import asyncio
from typing import Any

from streams.app import faust_app
from streams.outputs import Message, Outputs
from streams.patience import Patience
from streams.publisher import Publisher, Step
from streams.quick_connection import connect
from streams.redis_writer import RedisWriter
from streams.settings import Settings
from streams.topic_creation import ensure_topics
from streams.values import Values
from tests.streams.broker import read_all

OWNER = "shoppers:0"


async def _nobody_newer() -> bool:
    return True


async def publish(settings: Settings, *outputs: list[Message]) -> None:
    app = faust_app(settings)
    async with connect(settings) as redis:
        writer = RedisWriter(redis, settings.prefix, 60, Patience(10.0))
        await writer.claim(OWNER, 1, 0, (0, 0), _nobody_newer)
        await app.producer.maybe_start()
        publisher: Any = Publisher(app.producer, writer)
        for messages in outputs:
            await publisher.publish([Step(OWNER, Outputs(messages=messages))])
        await app.producer.stop()


def test_rejected_events_arrive_whole_and_in_order(empty_stack: Settings) -> None:
    """More than fit into one request's batch, and one that has neither key nor value, alone and among others."""
    ensure_topics(empty_stack)
    blocks = [Message("covisits", b"block %d" % n, partition=n % 2) for n in range(4)]
    letters = [Message("rejected", b"x" * 300, 0, b"%d" % n, (("reason", b"r%d" % n),)) for n in range(2000)]
    nothing = Message("rejected", None, 0, None, (("reason", b"empty"),))
    asyncio.run(publish(empty_stack, [*letters, nothing, *blocks], [nothing], [nothing, *letters[:1]]))
    found = [(record.key, record.value, dict(record.headers)["reason"]) for record in read_all(empty_stack, "rejected")]
    wanted = [*letters, nothing, nothing, nothing, *letters[:1]]
    assert found == [(letter.key, letter.value, letter.headers[0][1]) for letter in wanted]
    by_partition = {0: [b"block 0", b"block 2"], 1: [b"block 1", b"block 3"]}
    covisits = read_all(empty_stack, "covisits")
    for partition, values in by_partition.items():
        assert [record.value for record in covisits if record.partition == partition] == values


def test_values_can_be_read_while_messages_are_still_to_be_sent(empty_stack: Settings) -> None:
    """Kafka is told nothing until Redis has the value: were messages sent first, both would wait for ever."""
    ensure_topics(empty_stack)

    async def run() -> None:
        app = faust_app(empty_stack)
        async with connect(empty_stack) as redis:
            writer = RedisWriter(redis, empty_stack.prefix, 60, Patience(10.0))
            await writer.claim(OWNER, 1, 0, (0, 0), _nobody_newer)
            await app.producer.maybe_start()
            publisher: Any = Publisher(app.producer, writer)
            kafka: Any = app.producer._ensure_producer()
            send = kafka.send_batch

            async def send_when_visible(*arguments: Any, **named: Any) -> Any:
                while await redis.get(f"{empty_stack.prefix}rec:ada") is None:
                    await asyncio.sleep(0.001)
                return await send(*arguments, **named)

            kafka.send_batch = send_when_visible
            outputs = Outputs([Message("covisits", b"a late block", 0)], Values.of([("rec:ada", b"[]")]))
            async with asyncio.timeout(20):
                await publisher.publish([Step(OWNER, outputs)])
            await app.producer.stop()

    asyncio.run(run())
    assert b"a late block" in [record.value for record in read_all(empty_stack, "covisits")]
