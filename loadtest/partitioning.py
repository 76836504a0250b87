"""Which broker and partition a record goes to, as any Kafka producer would have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from aiokafka.partitioner import murmur2
from kafka.errors import KafkaError

from streams.errors import ServerError
from streams.kafka_admin import admin
from streams.settings import Settings
from streams.sources.record import Record
from streams.topics import CLICKSTREAM, PURCHASES


class Broker(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True)
class Partitioning:
    """The partitions of the inputs.

    Attributes
    ----------
    leaders
        The broker that takes records for each of them.
    counts
        How many each topic has.
    """

    leaders: Mapping[Place, Broker]
    counts: Mapping[str, int]

    @classmethod
    def ask(cls, settings: Settings) -> Self:
        """As Kafka has it now.

        Raises
        ------
        ServerError
            Kafka does not answer, or a partition has no leader.
        """
        client = admin(settings)
        try:
            nodes = client.describe_cluster()["brokers"]
            described = client.describe_topics([CLICKSTREAM, PURCHASES])
        except KafkaError as error:
            raise ServerError(f"Kafka at {settings.kafka} does not describe itself ({error}).") from None
        finally:
            client.close()
        return cls._of({node["broker_id"]: Broker(node["host"], node["port"]) for node in nodes}, described)

    @classmethod
    def _of(cls, brokers: Mapping[int, Broker], topics: list[dict[str, Any]]) -> Self:
        leaders = {}
        for topic in topics:
            for partition in topic["partitions"]:
                place = Place(topic["name"], partition["partition_index"])
                if partition["leader_id"] not in brokers:
                    raise ServerError(f"Partition {place.partition} of {place.topic} has no leader: look after Kafka.")
                leaders[place] = brokers[partition["leader_id"]]
        return cls(leaders, {topic["name"]: len(topic["partitions"]) for topic in topics})

    def places(self) -> PlaceOf:
        """Something to ask, again and again, where a record belongs."""
        return PlaceOf(self.counts)


class PlaceOf:
    """Where a record belongs; keys are remembered, because Python takes microseconds for a hash.

    >>> place_of = PlaceOf({"clickstream": 8, "purchases": 4})
    >>> place_of(Record(b"ada", b"{}", False, None)), place_of(Record(b"ada", b"{}", True, None))
    (Place(topic='clickstream', partition=5), Place(topic='purchases', partition=1))
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts
        self._known: dict[tuple[bytes | None, bool], Place] = {}

    def __call__(self, record: Record) -> Place:
        lane = record.key, record.purchase
        if (place := self._known.get(lane)) is None:
            topic = PURCHASES if record.purchase else CLICKSTREAM
            number = (int(murmur2(record.key or b"")) & 0x7FFFFFFF) % self._counts[topic]
            place = self._known[lane] = Place(topic, number)
        return place
