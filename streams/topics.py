"""The five topics: what is in them, how many partitions they have, and what has to fit together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from streams.errors import ServerError
from streams.settings import Settings

CLICKSTREAM: Final = "clickstream"
PURCHASES: Final = "purchases"
#: Which items met in a session, by item partition.
COVISITS: Final = "covisits"
#: Labelled sessions.
EXAMPLES: Final = "examples"
#: What could not be used, as it came.
REJECTED: Final = "rejected"
#: What websites publish, key = user id.
SHOP_TOPICS: Final = (CLICKSTREAM, PURCHASES)

#: A rejected record is at most this long; the original bytes have to fit in.
LARGEST_RECORD: Final = 16 * 1024 * 1024
#: What the agents tell each other is held at least for so long, and at most; see `hold_seconds`.
HOLD_SECONDS: Final = 0.25
_LONGEST_HOLD_SECONDS: Final = 2.0
#: Blocks of co-visits that are made in a second, by all workers, before they are held longer.
_BLOCKS_PER_SECOND: Final = 500
#: How long Kafka may take to answer at all.
PATIENCE_MS: Final = 5_000
_DAY_MS: Final = 86_400_000
_NEW_TOPIC_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Topic:
    """One topic: name, partitions where upwell creates it, and Kafka's configuration."""

    name: str
    partitions: int
    configuration: dict[str, str] = field(default_factory=dict)


def lead(topic: str) -> str:
    """The topic that stands for all of an agent, whose partitions share a state.

    >>> lead(PURCHASES), lead(COVISITS)
    ('clickstream', 'covisits')
    """
    return CLICKSTREAM if topic in SHOP_TOPICS else topic


def hold_seconds(partitions: int, item_partitions: int) -> float:
    """How long shoppers agents hold what others are to be told: everybody tells everybody, so that is what many cost.

    >>> hold_seconds(8, 4), hold_seconds(64, 32)
    (0.25, 2.0)
    """
    return min(max(HOLD_SECONDS, partitions * item_partitions / _BLOCKS_PER_SECOND), _LONGEST_HOLD_SECONDS)


def topics(settings: Settings) -> list[Topic]:
    """All topics that upwell reads or writes."""
    large = {"max.message.bytes": str(LARGEST_RECORD)}
    internal = {**large, "retention.ms": str(2 * _DAY_MS)}
    return [
        Topic(CLICKSTREAM, settings.partitions),
        Topic(PURCHASES, settings.partitions),
        Topic(COVISITS, settings.item_partitions, internal),
        Topic(EXAMPLES, 1, internal),
        Topic(REJECTED, 1, large),
    ]


def admin(settings: Settings) -> KafkaAdminClient:
    """A client for Kafka's administration.

    Raises
    ------
    ServerError
        Kafka does not answer.
    """
    try:
        return KafkaAdminClient(
            bootstrap_servers=settings.kafka.split(","),
            client_id="upwell",
            bootstrap_timeout_ms=PATIENCE_MS,
            request_timeout_ms=2 * PATIENCE_MS,
        )
    except (KafkaError, OSError, ValueError) as error:
        raise ServerError(
            f"Kafka does not answer at {settings.kafka} ({error}): start it or set UPWELL_KAFKA."
        ) from None


def partition_counts(settings: Settings) -> dict[str, int]:
    """How many partitions each of upwell's topics has; topics that do not exist are left out."""
    return {found["name"]: len(found["partitions"]) for found in _described(settings) if found["partitions"]}


def topic_ids(settings: Settings) -> dict[str, str]:
    """Kafka's own names of upwell's topics, which a topic that is deleted and created again does not keep (KIP-516)."""
    return {found["name"]: found["topic_id"] for found in _described(settings) if found.get("topic_id")}


def _described(settings: Settings) -> list[dict[str, Any]]:
    client = admin(settings)
    try:
        found: list[dict[str, Any]] = client.describe_topics([topic.name for topic in topics(settings)])
    except KafkaError as error:
        raise ServerError(f"Kafka at {settings.kafka} does not describe its topics ({error}).") from None
    finally:
        client.close()
    return found


def cluster_id(settings: Settings) -> str:
    """Kafka's name for itself: offsets of one cluster mean nothing to another.

    Raises
    ------
    ServerError
        Kafka does not answer.
    """
    client = admin(settings)
    try:
        return str(client.describe_cluster()["cluster_id"])
    except KafkaError as error:
        raise ServerError(f"Kafka at {settings.kafka} does not describe itself ({error}).") from None
    finally:
        client.close()


def ensure_topics(settings: Settings) -> dict[str, int]:
    """Create what is missing, check what is there, and return the partition count of every topic.

    Raises
    ------
    ServerError
        Kafka does not answer, refuses to create a topic, or `clickstream` and `purchases` do not fit together.
    """
    counts = partition_counts(settings)
    missing = [topic for topic in topics(settings) if topic.name not in counts]
    if missing:
        partitions = counts.get(CLICKSTREAM, counts.get(PURCHASES, settings.partitions))
        _create(settings, missing, partitions)
        counts = _when_all_are_known(settings)
    check_fit(counts)
    return counts


def _when_all_are_known(settings: Settings) -> dict[str, int]:
    """The partition counts once Kafka has spread the word of its new topics, which takes it a moment."""
    deadline = time.monotonic() + _NEW_TOPIC_SECONDS
    while True:
        counts = partition_counts(settings)
        missing = [topic.name for topic in topics(settings) if topic.name not in counts]
        if not missing:
            return counts
        if time.monotonic() > deadline:
            raise ServerError(
                f"Kafka at {settings.kafka} does not show its new topics {', '.join(missing)}: try again."
            )
        time.sleep(0.1)


def check_fit(counts: dict[str, int]) -> None:
    """Refuse partition counts the engine cannot work with.

    Raises
    ------
    ServerError
        `clickstream` and `purchases` differ, or `examples` has more than one partition.

    >>> check_fit({"clickstream": 4, "purchases": 8, "examples": 1})
    Traceback (most recent call last):
        ...
    streams.errors.ServerError: clickstream has 4 partitions and purchases 8, ...
    """
    if counts[CLICKSTREAM] != counts[PURCHASES]:
        raise ServerError(
            f"{CLICKSTREAM} has {counts[CLICKSTREAM]} partitions and {PURCHASES} {counts[PURCHASES]}, but a shopper's "
            "events have to meet in one worker: give both topics the same number of partitions."
        )
    if counts[EXAMPLES] != 1:
        raise ServerError(
            f"{EXAMPLES} has {counts[EXAMPLES]} partitions, but there is one learner: recreate it with one."
        )


def _create(settings: Settings, missing: list[Topic], partitions: int) -> None:
    """Create topics; an input topic gets as many partitions as the other one has."""
    client = admin(settings)
    try:
        for topic in missing:
            count = partitions if topic.name in SHOP_TOPICS else topic.partitions
            new = NewTopic(topic.name, count, topic_configs=topic.configuration)  # as many replicas as Kafka is told
            try:
                client.create_topics([new])
            except TopicAlreadyExistsError:
                continue  # another worker was faster
            except KafkaError as error:
                raise ServerError(f"Kafka refuses to create topic {topic.name} ({error}): create it by hand.") from None
    finally:
        client.close()
