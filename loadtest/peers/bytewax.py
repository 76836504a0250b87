"""The same job in Bytewax: a Kafka source, the session of a user in a `stateful_map`, a sink of our own for Redis.

`python -m bytewax.run "loadtest.peers.bytewax:dataflow('KAFKA', 'REDIS')"`
"""

from __future__ import annotations

import json
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from redis import Redis

from loadtest.peers.job import Job, Session, parsed
from streams.topics import CLICKSTREAM, PURCHASES


def dataflow(kafka: str, redis_url: str) -> Any:
    """Where events come from, what becomes of them, and where that goes."""
    job = Job()

    def recommend(session: Session | None, event: dict[str, Any]) -> tuple[Session, dict[str, Any]]:
        return job.act(session, event)

    flow = Dataflow("recommend")
    records = op.input("kafka", flow, KafkaSource(kafka.split(","), [CLICKSTREAM, PURCHASES]))
    events = op.filter_map("parse", records, lambda record: parsed(record.value))
    by_user = op.key_on("user", events, lambda event: event["user_id"])
    op.output("redis", op.stateful_map("recommend", by_user, recommend), RedisSink(redis_url))
    return flow


class RedisSink(DynamicSink):  # type: ignore[misc]
    """Writes what is for a user to the key of the user."""

    def __init__(self, url: str) -> None:
        self.url = url

    def build(self, step_id: str, worker_index: int, worker_count: int) -> RedisPartition:
        """What one worker writes through."""
        return RedisPartition(self.url)


class RedisPartition(StatelessSinkPartition):  # type: ignore[misc]
    """A batch of Bytewax is one pipeline of Redis."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url)

    def write_batch(self, items: list[tuple[str, dict[str, Any]]]) -> None:
        """Write all values."""
        pipeline = self._redis.pipeline(transaction=False)
        for user, outputs in items:
            pipeline.set(f"rec:{user}", json.dumps(outputs))
        pipeline.execute()
