"""aiokafka's consumer, made to give out batches of records instead of records; it has no setting for that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher

from streams.record_batches import RecordBatch, batches, is_whole


class _Fetched:
    """What was fetched of a partition, until somebody takes it; in place of aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def size_in_bytes(self) -> int:
        return len(self.data)

    def has_next(self) -> bool:
        return is_whole(self.data)


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """The same with an offset, which moves on as batches are taken.

    What transactions have aborted is given out as well, as consumers do that do not ask for committed records only.
    """

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[RecordBatch]:
        tp, data, check = self._tp, self._records.data, self._check_crcs
        for found in batches(tp.topic, tp.partition, data, self.next_fetch_offset, check=check):
            self.next_fetch_offset = max(self.next_fetch_offset, found if isinstance(found, int) else found.end)
            if not isinstance(found, int):
                yield found


def fetch_batches() -> None:
    """Let consumers of this process give out a `RecordBatch` where they would give out a record."""
    module: Any = fetcher
    module.MemoryRecords = _Fetched
    module.PartitionRecords = _PartitionRecords
