"""Publishing to and reading from a real Kafka, plainly."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams.lag import LagMeter
from streams.settings import Settings
from streams.worker_process import WorkerProcess
from tests.streams.shop import Record


def publish(settings: Settings, records: Iterable[Record]) -> None:
    """Publish records in their order and wait until Kafka has them."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka, acks="all", linger_ms=5)
    futures = [producer.send(record.topic, key=record.key, value=record.value) for record in records]
    for future in futures:
        future.get(timeout=30)
    producer.close()


def read_all(settings: Settings, topic: str) -> list[Any]:
    """Every record of a topic."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    tps = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(tps)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(tps)
    found: list[Any] = []
    while any(consumer.position(tp) < ends[tp] for tp in tps):
        for records in consumer.poll(timeout_ms=500).values():
            found += records
    consumer.close()
    return found


def wait_until_done(settings: Settings, worker: WorkerProcess, seconds: float = 90.0) -> None:
    """Wait until every record is processed, and all it led to."""
    meter = LagMeter(settings)
    deadline = time.monotonic() + seconds
    while not meter.is_quiet():
        worker.check()
        assert time.monotonic() < deadline, f"still behind: {[p for p in meter.count().partitions if p.lag]}"
        time.sleep(0.1)
    meter.close()
