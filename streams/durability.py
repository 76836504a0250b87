"""What would have to be done again if every worker died now: committed offsets, ages of checkpoints, and losses."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from kafka.errors import CoordinatorNotAvailableError, GroupIdNotFoundError, KafkaError

from streams.checkpoints.checkpointer import WrittenCheckpoint
from streams.errors import ServerError
from streams.kafka_admin import admin
from streams.lag import PartitionLag
from streams.progress import partition_field
from streams.reading import open_redis, read
from streams.settings import Settings


class CommittedLag(msgspec.Struct, frozen=True):
    """One partition: the offset that Kafka would let a new worker begin at, and the records from there to the end.

    It saw-tooths with the interval of checkpoints, and says nothing about freshness.
    """

    topic: str
    partition: int
    committed: int | None
    lag: int


class CheckpointAge(msgspec.Struct, frozen=True):
    """The newest checkpoint of one partition of an agent: seconds since it was durable, records and bytes in it, what
    packing and writing took in the background, and for how long the folds stood still for it."""

    owner: str
    age_seconds: float
    records: int
    size_bytes: int
    write_seconds: float
    pause_ms: float


class LostRange(msgspec.Struct, frozen=True):
    """Offsets of records that Kafka had deleted before they were processed; `end` is the first that was not lost."""

    topic: str
    partition: int
    start: int
    end: int


class Durability(msgspec.Struct, frozen=True):
    """All of that."""

    committed: list[CommittedLag]
    checkpoints: list[CheckpointAge]
    lost: list[LostRange]


def durability(settings: Settings, partitions: list[PartitionLag]) -> Durability:
    """Ask Kafka and Redis.

    Raises
    ------
    ServerError
        One of them does not answer.
    """
    redis = open_redis(settings)
    try:
        checkpoints: dict[str, str] = read(redis.hgetall, f"{settings.prefix}checkpoints")
        lost: dict[str, str] = read(redis.hgetall, f"{settings.prefix}lost")
    finally:
        redis.close()
    return Durability(_committed(settings, partitions), _ages(checkpoints), _lost(lost))


def _committed(settings: Settings, partitions: list[PartitionLag]) -> list[CommittedLag]:
    client: Any = admin(settings)
    try:
        found = client.list_group_offsets([settings.application])[settings.application]
    except (GroupIdNotFoundError, CoordinatorNotAvailableError):
        found = {}  # no worker has run yet
    except KafkaError as error:
        raise ServerError(
            f"Kafka at {settings.kafka} does not tell what {settings.application} has committed ({error}): try again."
        ) from None
    finally:
        client.close()
    offsets = {partition_field(tp.topic, tp.partition): at.offset for tp, at in found.items() if at.offset >= 0}
    return [
        CommittedLag(one.topic, one.partition, at, one.end - min(one.end, at or 0))
        for one in partitions
        for at in [offsets.get(partition_field(one.topic, one.partition))]
    ]


def _ages(checkpoints: dict[str, str]) -> list[CheckpointAge]:
    now_ms = time.time() * 1000
    return [
        CheckpointAge(
            owner, round(max(now_ms - one.done_ms, 0) / 1000, 1), one.position, one.size, one.seconds, one.pause_ms
        )
        for owner, text in sorted(checkpoints.items())
        for one in [WrittenCheckpoint.parsed(text)]
    ]


def _lost(lost: dict[str, str]) -> list[LostRange]:
    ranges = [(*name.rsplit(":", 2), end) for name, end in lost.items()]
    return sorted(
        (LostRange(topic, int(partition), int(start), int(end)) for topic, partition, start, end in ranges),
        key=lambda one: (one.topic, one.partition, one.start),
    )
