"""A number of records of one partition as columns: what an agent made of a delivery, and what a lane puts in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from online_models.compiled import Int8s, Int64s
from streams.records import Record


class Content(Protocol):
    """What the records say, one row each."""

    def chosen(self, places: Int64s | slice) -> Self:
        """The rows at some places, in the order of the places."""

    @classmethod
    def joined(cls, parts: Sequence[Any]) -> Self:
        """Several contents as one."""


Said = TypeVar("Said", bound=Content)


def timestamps(records: Sequence[Record]) -> Int64s:
    """Kafka's times of records."""
    return np.fromiter((record.timestamp for record in records), np.int64, len(records))


@dataclass(frozen=True)
class Portion(Generic[Said]):
    """n records.

    Attributes
    ----------
    topic
        Shape (n,): positions among the topics of the agent.
    offset, timestamp
        Shape (n,): where they are, and Kafka's time of them in ms.
    time
        Shape (n,): event time in ms, -1 for a record that has none.
    content
        What they say.
    """

    topic: Int8s
    offset: Int64s
    timestamp: Int64s
    time: Int64s
    content: Said

    def __len__(self) -> int:
        return len(self.offset)

    @classmethod
    def of(cls, topic: int, records: Sequence[Record], timestamp: Int64s, time: Int64s, content: Said) -> Self:
        """Records of one topic, those of a partition one behind the other."""
        n, first, last = len(records), records[0], records[-1]
        if last.partition == first.partition and last.offset == first.offset + n - 1:
            offset = np.arange(first.offset, first.offset + n)
        else:
            offset = np.fromiter((record.offset for record in records), np.int64, n)
        return cls(np.full(n, topic, np.int8), offset, timestamp, time, content)

    def last_of_topics(self) -> dict[int, tuple[int, int]]:
        """Offset and timestamp of the last record of each topic, by the topic's position."""
        places = {topic: np.flatnonzero(self.topic == topic) for topic in range(int(self.topic.max()) + 1)}
        last = {topic: found[-1] for topic, found in places.items() if len(found)}
        return {topic: (int(self.offset[place]), int(self.timestamp[place])) for topic, place in last.items()}

    def chosen(self, places: Int64s | slice) -> Self:
        """The records at some places, in the order of the places."""
        return type(self)(
            self.topic[places],
            self.offset[places],
            self.timestamp[places],
            self.time[places],
            self.content.chosen(places),
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several portions as one, one behind the other."""
        if len(parts) == 1:
            return parts[0]
        contents = [part.content for part in parts]
        return cls(
            np.concatenate([part.topic for part in parts]),
            np.concatenate([part.offset for part in parts]),
            np.concatenate([part.timestamp for part in parts]),
            np.concatenate([part.time for part in parts]),
            contents[0].joined(contents),
        )
