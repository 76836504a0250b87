"""Creates the topics that are missing, and refuses those the engine cannot work with."""

from __future__ import annotations

import time
from typing import Final

from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from streams.errors import ServerError
from streams.kafka_admin import admin, partition_counts
from streams.settings import Settings
from streams.topics import CLICKSTREAM, EXAMPLES, PURCHASES, SHOP_TOPICS, Topic, topics

_NEW_TOPIC_SECONDS: Final = 10.0


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
