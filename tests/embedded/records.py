"""Make a topic, put records in, read them back: with the client that upwell uses, over the real protocol."""

# mypy: disable-error-code="import-untyped"

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

TIMEOUT_S = 15


def make_topic(bootstrap: str, topic: str) -> None:
    """Make a topic of one partition."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            answer = await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
            assert [error[1] for error in answer.topic_errors] == [0]
        finally:
            await admin.close()

    asyncio.run(asyncio.wait_for(make(), TIMEOUT_S))


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Put the values into partition 0 and wait until the broker has them."""

    async def put() -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
            for value in values:
                await producer.send(topic, value, partition=0)
            await producer.flush()

    asyncio.run(asyncio.wait_for(put(), TIMEOUT_S))


def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Read the first `count` values of partition 0; fails when they do not come in time."""

    async def read() -> list[bytes]:
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
            consumer.assign([TopicPartition(topic, 0)])
            return [(await consumer.getone()).value for _ in range(count)]

    return asyncio.run(asyncio.wait_for(read(), TIMEOUT_S))
