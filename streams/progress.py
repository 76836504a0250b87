"""How far every partition is processed, how far that is safe, and what is missing: for operators, and for Kafka."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from faust.types import TP

#: Ranges of lost records that are kept per partition and topic: the newest ones.
_MOST_LOSSES: Final = 1_000


class Position(NamedTuple):
    """The next offset to process, and Kafka's timestamp (ms) of the last record that was."""

    next_offset: int
    timestamp: int


class Progress:
    """Positions of the partitions this worker owns.

    Attributes
    ----------
    positions
        A position moves only after the outputs of everything before it are in Kafka and in Redis, or in an outbox,
        which is part of the state.
    durable
        Per partition the next offset of its newest durable checkpoint: never ahead of the position.
    lost
        Per partition the ranges of records that Kafka had deleted before they were processed: the first offset of
        each, and the one after its last. They are part of a checkpoint, for a Redis may forget what it was told.
    """

    def __init__(self) -> None:
        self.positions: dict[TP, Position] = {}
        self.durable: dict[TP, int] = {}
        self.lost: dict[TP, dict[int, int]] = {}
        self._reported: dict[TP, Position] = {}
        self._reported_lost: dict[TP, dict[int, int]] = {}
        self._committed: dict[TP, int] = {}
        self._dropped = deque[str](maxlen=_MOST_LOSSES)

    def advance(self, tp: TP, next_offset: int, timestamp: int) -> None:
        """Note that everything before `next_offset` is processed."""
        self.positions[tp] = Position(next_offset, timestamp)

    def timestamp(self, tp: TP) -> int:
        """Kafka's timestamp of the last record that was processed; 0 before the first."""
        return self.positions[tp].timestamp if tp in self.positions else 0

    def lose(self, tp: TP, gone: range) -> None:
        """Note that these records cannot be processed any more.

        >>> progress, tp = Progress(), TP("clickstream", 3)
        >>> progress.lose(tp, range(7, 10))
        >>> progress.lost[tp]
        {7: 10}
        """
        ranges = self.lost.setdefault(tp, {})
        ranges[gone.start] = gone.stop
        if len(ranges) > _MOST_LOSSES:
            first = next(iter(ranges))
            del ranges[first]
            self._dropped.append(f"{partition_field(*tp)}:{first}")

    def secure(self, offsets: Mapping[TP, int]) -> None:
        """Note that a checkpoint up to these offsets is durable."""
        self.durable.update(offsets)

    def forget(self, tps: Iterable[TP]) -> None:
        """Let go of partitions that another worker owns now."""
        for tp in tps:
            for positions in (self.positions, self.durable, self._reported, self._committed):
                positions.pop(tp, None)
            for losses in (self.lost, self._reported_lost):
                losses.pop(tp, None)

    def report_all(self) -> None:
        """Let the next report hold everything again: Redis may have lost it."""
        self._reported.clear()
        self._reported_lost.clear()

    def report(self, pipe: Any, prefix: str) -> None:
        """Have what changed since the last call written into the hashes `progress` and `lost`, with the rest of a pipe.

        If that fails, `report_all` has to be called.
        """
        changed = {tp: position for tp, position in self.positions.items() if self._reported.get(tp) != position}
        if changed:
            pipe.hset(
                f"{prefix}progress", mapping={partition_field(*tp): text(position) for tp, position in changed.items()}
            )
            self._reported.update(changed)
        if new := {tp: dict(ranges) for tp, ranges in self.lost.items() if self._reported_lost.get(tp) != ranges}:
            fields = {
                f"{partition_field(*tp)}:{start}": str(end)
                for tp, ranges in new.items()
                for start, end in ranges.items()
            }
            pipe.hset(f"{prefix}lost", mapping=fields)
            self._reported_lost.update(new)
            if self._dropped:  # again and again, for nobody says whether this arrives
                pipe.hdel(f"{prefix}lost", *self._dropped)

    def to_commit(self) -> dict[TP, int]:
        """Offsets to commit to Kafka: those that a durable checkpoint stands behind, and that Kafka does not have."""
        return {tp: offset for tp, offset in self.durable.items() if self._committed.get(tp) != offset}

    def committed(self, offsets: Mapping[TP, int]) -> None:
        """Note that Kafka has these offsets."""
        self._committed.update(offsets)


def partition_field(topic: str, partition: int) -> str:
    """What a partition is called in hashes such as `progress`, `lost` and `stopped`."""
    return f"{topic}:{partition}"


def text(position: Position) -> str:
    """A position as it stands in Redis.

    >>> parsed(text(Position(7, 1_700_000_000_000)))
    Position(next_offset=7, timestamp=1700000000000)
    """
    return f"{position.next_offset} {position.timestamp}"


def parsed(value: str) -> Position:
    """The position that `text` wrote."""
    next_offset, timestamp = value.split()
    return Position(int(next_offset), int(timestamp))
