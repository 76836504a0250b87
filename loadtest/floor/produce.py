"""The messages that upwell published, into Kafka and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaProducer

from loadtest.floor.material import load
from loadtest.floor.stopwatch import Measured, Stopwatch
from streams.settings import Settings
from streams.topics import LARGEST_RECORD

#: Messages sent before all are waited for: about what a full micro-batch leads to, most of them rejected events.
_AT_ONCE: Final = 50


async def produce(settings: Settings, directory: Path) -> Measured:
    """Until all are acknowledged."""
    material, stopwatch = load(directory), Stopwatch()
    messages = material.messages
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all", max_request_size=LARGEST_RECORD)
    await producer.start()
    for topic in {message.topic for message in messages}:
        await producer.partitions_for(topic)
    try:
        with stopwatch:
            for start in range(0, len(messages), _AT_ONCE):
                sent = [
                    await producer.send(one.topic, one.value, partition=one.partition, headers=one.headers)
                    for one in messages[start : start + _AT_ONCE]
                ]
                await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return stopwatch.measured(material.records)
