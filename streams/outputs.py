"""What a fold wants done in the world, as data: messages for Kafka, values for Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.trending_merge import TrendingPart
from streams.values import NO_VALUES, Values


@dataclass(frozen=True)
class Message:
    """One record to produce; `headers` as (name, value) pairs."""

    topic: str
    value: bytes | None
    partition: int
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class Outputs:
    """Everything a micro-batch leads to.

    Attributes
    ----------
    messages
        Records to produce.
    strings
        Redis keys (without the prefix) and their values; absolute, so that writing them twice does no harm.
    hashes
        Redis keys of hashes, and of each what changed and all there is, as `values.lua` takes it.
    trending
        What trends in an item partition, to be merged with the others.
    rejected
        How many of the records were no events.
    """

    messages: list[Message] = field(default_factory=list)
    strings: Values = NO_VALUES
    hashes: Values = NO_VALUES
    trending: TrendingPart | None = None
    rejected: int = 0
