"""The five topics: what is in them, and how many partitions they have where upwell creates them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from online_models.event_time import DAY_MS
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


def topics(settings: Settings) -> list[Topic]:
    """All topics that upwell reads or writes."""
    large = {"max.message.bytes": str(LARGEST_RECORD)}
    internal = {**large, "retention.ms": str(2 * DAY_MS)}
    return [
        Topic(CLICKSTREAM, settings.partitions),
        Topic(PURCHASES, settings.partitions),
        Topic(COVISITS, settings.item_partitions, internal),
        Topic(EXAMPLES, 1, internal),
        Topic(REJECTED, 1, large),
    ]
