"""What upwell wrote and published for a backlog, kept so that others can write and publish the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from kafka import KafkaConsumer, TopicPartition
from redis import Redis

from loadtest.correctness import worker_counters
from streams.errors import EngineError
from streams.kafka_admin import partition_counts
from streams.reading import read
from streams.settings import Settings
from streams.topics import COVISITS, EXAMPLES, REJECTED

_FILE: Final = "material.msgpack"
#: Different values of each kind that are kept; they are written in turn until there are as many as upwell wrote.
_SAMPLES: Final = 5000
_PATIENCE_MS: Final = 10_000


class Published(msgspec.Struct, frozen=True, array_like=True):
    """A message between the agents, or a rejected event."""

    topic: str
    partition: int
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp: int


class Material(msgspec.Struct, frozen=True):
    """What a backlog led to.

    Attributes
    ----------
    records
        Size of the backlog.
    lists
        How many recommendation lists were written, and with each a hash.
    similar
        How many lists of similar items.
    list_samples, hash_samples, similar_samples
        Keys and values of each kind as they are in Redis.
    messages
        All of them, in the order they were sent.
    """

    records: int
    lists: int
    similar: int
    list_samples: list[tuple[str, bytes]]
    hash_samples: list[tuple[str, dict[str, str]]]
    similar_samples: list[tuple[str, bytes]]
    messages: list[Published]

    def volume_per_event(self) -> dict[str, float]:
        """How much there is of what, in numbers and bytes."""
        volume = {
            "lists": self.lists,
            "list bytes": self.lists * _mean_bytes(self.list_samples),
            "user hashes": self.lists,
            "lists of similar items": self.similar,
            "bytes of those": self.similar * _mean_bytes(self.similar_samples),
            "messages": len(self.messages),
            "message bytes": sum(len(message.value) for message in self.messages),
        }
        return {name: round(amount / self.records, 4) for name, amount in volume.items()}


def _mean_bytes(samples: Sequence[tuple[str, bytes]]) -> float:
    return sum(len(value) for _, value in samples) / max(len(samples), 1)


def gather(settings: Settings, records: int) -> Material:
    """Take stock after a worker has drained a backlog.

    Redis counts the values: all that were set, but for one of the fence with every call of a script.

    Raises
    ------
    EngineError
        There is nothing.
    """
    redis = Redis.from_url(settings.redis)
    calls: dict[str, Any] = read(redis.info, "commandstats")
    sets, scripts = (int(calls.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("set", "evalsha"))
    lists = worker_counters(settings).get("lists", 0)
    profiles = _keys(redis, settings, "user:")
    material = Material(
        records,
        lists,
        max(sets - scripts - lists, 0),
        _strings(redis, settings, "rec:"),
        [(_text(key), _fields(read(redis.hgetall, key))) for key in profiles],
        _strings(redis, settings, "sim:"),
        _published(settings),
    )
    if not (lists and material.list_samples and profiles and material.messages):
        raise EngineError("The worker wrote or published nothing that could be measured: take more --events.")
    return material


def save(material: Material, directory: Path) -> None:
    """Keep it for the processes that write and publish the same."""
    directory.joinpath(_FILE).write_bytes(msgspec.msgpack.encode(material))


def load(directory: Path) -> Material:
    """What was saved."""
    return msgspec.msgpack.decode(directory.joinpath(_FILE).read_bytes(), type=Material)


def _keys(redis: Any, settings: Settings, kind: str) -> list[bytes]:
    return list(islice(redis.scan_iter(f"{settings.prefix}{kind}*", count=1000), _SAMPLES))


def _strings(redis: Any, settings: Settings, kind: str) -> list[tuple[str, bytes]]:
    keys = _keys(redis, settings, kind)
    values = read(redis.mget, keys) if keys else []
    return [(_text(key), value) for key, value in zip(keys, values, strict=True) if value]


def _text(name: bytes) -> str:
    return name.decode()


def _fields(found: dict[bytes, bytes]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in found.items()}


def _published(settings: Settings) -> list[Published]:
    """Everything in the topics that upwell writes to."""
    counts = partition_counts(settings)
    places = [TopicPartition(topic, n) for topic in (COVISITS, EXAMPLES, REJECTED) for n in range(counts[topic])]
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.split(","), consumer_timeout_ms=_PATIENCE_MS)
    try:
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        missing = sum(consumer.end_offsets(places).values())
        found = [
            Published(one.topic, one.partition, one.value or b"", list(one.headers), one.timestamp)
            for one in islice(consumer, missing)
        ]
    finally:
        consumer.close()
    if len(found) < missing:
        raise EngineError(f"Kafka gave out {len(found)} of {missing} messages: run it again, or see its log.")
    return sorted(found, key=lambda message: message.timestamp)
