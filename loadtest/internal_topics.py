"""What the agents send each other through Kafka: the price of spreading the work over partitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from streams.kafka_admin import PATIENCE_MS
from streams.settings import Settings
from streams.topics import COVISITS, EXAMPLES

INTERNAL: Final = (COVISITS, EXAMPLES)


@dataclass(frozen=True)
class Sent:
    """Messages in a topic, and the bytes of their values."""

    messages: int
    bytes: int


Offsets = dict[TopicPartition, int]


def ends(settings: Settings) -> Offsets:
    """Where the internal topics end now."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.split(","))
    try:
        partitions = [
            TopicPartition(name, number) for name in INTERNAL for number in consumer.partitions_for_topic(name) or ()
        ]
        found: Offsets = consumer.end_offsets(partitions)
        return found
    finally:
        consumer.close()


def sent_between(before: Offsets, after: Offsets, settings: Settings) -> dict[str, Sent]:
    """Read what was sent between two looks, by topic."""
    messages, size = dict.fromkeys(INTERNAL, 0), dict.fromkeys(INTERNAL, 0)
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.split(","), consumer_timeout_ms=PATIENCE_MS)
    try:
        expected = {partition: end for partition, end in after.items() if end > before[partition]}
        consumer.assign(list(expected))
        for partition in expected:
            consumer.seek(partition, before[partition])
        missing = sum(end - before[partition] for partition, end in expected.items())
        while missing and (polled := consumer.poll(PATIENCE_MS)):
            for partition, records in polled.items():
                own = [record for record in records if record.offset < after[partition]]
                messages[partition.topic] += len(own)
                size[partition.topic] += sum(len(record.value) for record in own)
                missing -= len(own)
    finally:
        consumer.close()
    return {name: Sent(messages[name], size[name]) for name in INTERNAL}
