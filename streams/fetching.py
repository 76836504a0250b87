"""aiokafka's consumer, made to give out batches of records instead of records, and to let an idle broker be.

It has no settings for either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import consumer, fetcher

from streams.record_batches import RecordBatch, batches, is_whole

#: How long a broker may hold a fetch while nothing waits for it: since it has nothing, or since there is enough here.
_LONG_WAIT_MS: Final = 50
#: How much it is to wait for where there is enough here, or where a turn takes long.
_MUCH_BYTES: Final = 1024 * 1024
#: A fetch is held as long as a turn takes, as what comes meanwhile waits for the next one anyway; at most so long.
_LONGEST_TURN_SECONDS: Final = 0.02
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
            self.next_fetch_offset = max(self.next_fetch_offset, found if isinstance(found, int) else found.end)
            if isinstance(found, int):
                continue
            opened += len(found.payload)
            yield found
            if opened >= _LARGEST_OPENED:
                return


class _Fetcher(fetcher.Fetcher):  # type: ignore[misc]
    """Fetches less often where that delays nothing: a fetch names every partition, which costs both sides.

    A busy broker holds a fetch for a moment, so that much comes at once. One that had nothing holds the next longer,
    and answers as soon as it has a single record. While there is a backlog, agents are busy with what is here.

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
        self._idle_nodes: set[Any] = set()

    async def _proc_fetch_request(self, assignment: Any, node_id: Any, request: Any) -> bool:
        if self.has_backlog:
            request._max_wait_ms, request._min_bytes = _LONG_WAIT_MS, _MUCH_BYTES
        elif node_id in self._idle_nodes:
            request._max_wait_ms, request._min_bytes = _LONG_WAIT_MS, 1
        else:
            held_seconds = min(self.turn_seconds, _LONGEST_TURN_SECONDS)
            request._max_wait_ms = max(request._max_wait_ms, int(1000 * held_seconds))
            if held_seconds == _LONGEST_TURN_SECONDS:
                request._min_bytes = _MUCH_BYTES
        has_data: bool = await super()._proc_fetch_request(assignment, node_id, request)
        (self._idle_nodes.discard if has_data else self._idle_nodes.add)(node_id)
        return has_data


def fetch_batches() -> None:
    """Let consumers of this process give out a `RecordBatch` where they would give out a record, and fetch as above."""
    module: Any = fetcher
    module.MemoryRecords = _Fetched
    module.PartitionRecords = _PartitionRecords
    client: Any = consumer
    client.Fetcher = _Fetcher
