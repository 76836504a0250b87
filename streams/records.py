"""Records from Kafka: many of them as columns, and one as an object where only an object will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from online_models.compiled import Int64s
from online_models.spelling import Ids

#: Where the key or the value of a record begins and ends that has none.
NONE: Final = -1


class Record(msgspec.Struct, gc=False):
    """A record: where it is, Kafka's time of it in ms, and its bytes."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class Records:
    """n records of a topic, those of each partition one behind the other.

    Attributes
    ----------
    topic
        Of all of them.
    partition, offset, timestamp
        Shape (n,): where they are, and Kafka's time of them in ms.
    keys, values
        Places in a text, `NONE` where there is none.

    >>> records = Records.of([Record("clickstream", 0, 7, 1_700_000_000_000, b"ada", None)])
    >>> records.one(0)
    Record(topic='clickstream', partition=0, offset=7, timestamp=1700000000000, key=b'ada', value=None)
    """

    topic: str
    partition: Int64s
    offset: Int64s
    timestamp: Int64s
    keys: Ids
    values: Ids

    def __len__(self) -> int:
        return len(self.offset)

    @classmethod
    def of(cls, records: Sequence[Record]) -> Records:
        """The columns of at least one record."""
        texts = [text for record in records for text in (record.key, record.value)]
        lengths = np.fromiter((len(text or b"") for text in texts), np.int64, len(texts))
        is_there = np.fromiter((text is not None for text in texts), np.bool_, len(texts))
        ends = np.cumsum(lengths)
        places = np.where(is_there, np.stack([ends - lengths, ends]), NONE)
        text = np.frombuffer(b"".join(filter(None, texts)), np.uint8)
        partition, offset, timestamp = np.array([(r.partition, r.offset, r.timestamp) for r in records], np.int64).T
        return cls(
            topic=records[0].topic,
            partition=partition.copy(),
            offset=offset.copy(),
            timestamp=timestamp.copy(),
            keys=Ids(text, *places[:, 0::2].copy()),
            values=Ids(text, *places[:, 1::2].copy()),
        )

    def one(self, place: int) -> Record:
        """One of them."""
        return Record(
            self.topic,
            int(self.partition[place]),
            int(self.offset[place]),
            int(self.timestamp[place]),
            _bytes(self.keys, place),
            _bytes(self.values, place),
        )


def _bytes(places: Ids, place: int) -> bytes | None:
    start, end = int(places.starts[place]), int(places.ends[place])
    return None if start == NONE else places.text[start:end].tobytes()
