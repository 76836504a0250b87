"""A number of records of one partition as columns: what an agent made of a delivery, and what a lane puts in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from online_models.compiled import Int8s, Int64s
from streams.records import Records


class Content(Protocol):
    """What the records say, one row each."""

    def chosen(self, places: Int64s | slice) -> Self:
        """The rows at some places, in the order of the places."""

    @classmethod
    def joined(cls, parts: Sequence[Any]) -> Self:
        """Several contents as one."""


Said = TypeVar("Said", bound=Content)


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
    def of(cls, topic: int, records: Records, time: Int64s, content: Said) -> Self:
        """Records of one topic, with the event time of each and what they say."""
        return cls(np.full(len(records), topic, np.int8), records.offset, records.timestamp, time, content)

    def last_of_topics(self) -> dict[int, tuple[int, int]]:
        """Offset and timestamp of the last record of each topic, by the topic's position."""
        topics = self.topic.tobytes()  # searching bytes from the end is done before numpy has begun
        last = {topic: topics.rfind(topic) for topic in sorted(_different(topics))}
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


def _different(topics: bytes) -> Iterator[int]:
    while topics:
        yield topics[-1]
        topics = topics.translate(None, topics[-1:])
