"""What Kafka says about itself and upwell's topics."""

from __future__ import annotations

from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from streams.errors import ServerError
from streams.settings import Settings
from streams.topics import topics

#: How long Kafka may take to answer at all.
PATIENCE_MS: Final = 5_000


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
