"""aiokafka's consumer, made to give out batches of records instead of records, and to fetch no more often than helps.

It has no settings for either.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import consumer, fetcher

from streams.record_batches import RecordBatch, batches, is_whole

#: How long a broker may hold a fetch that it has nothing for, or too little while there is a backlog.
LONGEST_WAIT_MS: Final = 50
#: What is too little then.
_MUCH_BYTES: Final = 1024 * 1024
#: The most that comes at once. More than 32 MiB would be memory that glibc asks the kernel for each time, page by page.
_MOST_BYTES: Final = 8 * 1024 * 1024
#: The next fetch begins so many turns after the answer to the last one, but not later than below: what comes meanwhile
#: is processed together, and where turns are short a worker is at rest for half of the time.
_TURNS: Final = 2.0
_SHORTEST_SECONDS: Final = 0.005
_LONGEST_SECONDS: Final = 0.01
#: So much is opened of what was fetched of a partition, and the rest of that batch; what is behind it is fetched again.
_LARGEST_OPENED: Final = 16 * 1024 * 1024


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
        tp, data, check, opened = self._tp, self._records.data, self._check_crcs, 0
        for found in batches(tp.topic, tp.partition, data, self.next_fetch_offset, check=check):
            self.next_fetch_offset = found.end
            opened += len(found.payload)
            yield found
            if opened >= _LARGEST_OPENED:
                return


class _Fetcher(fetcher.Fetcher):  # type: ignore[misc]
    """Fetches less often where that delays nothing: a fetch names every partition, which costs both sides.

    It is we who pause between two fetches, and not the broker that holds the second one: it would look with every
    record that arrives whether there is enough. It answers as soon as it has a single record. While there is a
    backlog, agents are busy with what is here.

    Attributes
    ----------
    has_backlog
        Whether they are.
    turn_seconds
        How long agents took for what they had last.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.has_backlog = False
        self.turn_seconds = 0.0
        self._answered_at: dict[Any, float] = {}

    async def _proc_fetch_request(self, assignment: Any, node_id: Any, request: Any) -> bool:
        try:
            await asyncio.sleep(self._pause(node_id))
        except asyncio.CancelledError:  # the partitions are gone, or the consumer is; aiokafka wants no error
            return False
        request._min_bytes = _MUCH_BYTES if self.has_backlog else 1
        request._max_wait_ms, request._max_bytes = LONGEST_WAIT_MS, _MOST_BYTES
        has_data: bool = await super()._proc_fetch_request(assignment, node_id, request)
        self._answered_at[node_id] = time.monotonic()
        return has_data

    def _pause(self, node_id: Any) -> float:
        """Seconds until a broker is asked again."""
        if self.has_backlog or node_id not in self._answered_at:
            return 0.0
        apart = min(max(_TURNS * self.turn_seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS)
        return max(self._answered_at[node_id] + apart - time.monotonic(), 0.0)


def fetch_batches() -> None:
    """Let consumers of this process give out a `RecordBatch` where they would give out a record, and fetch as above."""
    module: Any = fetcher
    module.MemoryRecords = _Fetched
    module.PartitionRecords = _PartitionRecords
    client: Any = consumer
    client.Fetcher = _Fetcher
