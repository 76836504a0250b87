"""One record from Kafka, as little of it as is needed, and aiokafka's way to it."""

from __future__ import annotations

from typing import Any

import msgspec
from aiokafka.consumer import fetcher


class Record(msgspec.Struct, gc=False):
    """A record: where it is, Kafka's time of it in ms, and its bytes."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """What aiokafka makes of a fetch; filling in eleven fields of each record would take longer than all the rest."""

    def _consumer_record(self, tp: Any, record: Any) -> Record:
        return Record(tp.topic, tp.partition, record.offset, record.timestamp, record.key, record.value)


def use_plain_records() -> None:
    """Let consumers of this process give out `Record`; aiokafka has no setting for it."""
    fetcher.PartitionRecords = _PartitionRecords
