"""How far every partition is processed, and how far that is safe: what operators see, and what Kafka is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from faust.types import TP


class Position(NamedTuple):
    """The next offset to process, and Kafka's timestamp (ms) of the last record that was."""

    next_offset: int
    timestamp: int


class Progress:
    """Positions of the partitions this worker owns.

    Attributes
    ----------
    positions
        A position moves only after the outputs of everything before it are in Kafka and in Redis.
    durable
        Per partition the next offset of its newest durable checkpoint: never ahead of the position.
    """

    def __init__(self) -> None:
        self.positions: dict[TP, Position] = {}
        self.durable: dict[TP, int] = {}
        self._reported: dict[TP, Position] = {}
        self._committed: dict[TP, int] = {}

    def advance(self, tp: TP, next_offset: int, timestamp: int) -> None:
        """Note that everything before `next_offset` is processed."""
        self.positions[tp] = Position(next_offset, timestamp)

    def timestamp(self, tp: TP) -> int:
        """Kafka's timestamp of the last record that was processed; 0 before the first."""
        return self.positions[tp].timestamp if tp in self.positions else 0

    def secure(self, offsets: Mapping[TP, int]) -> None:
        """Note that a checkpoint up to these offsets is durable."""
        self.durable.update(offsets)

    def forget(self, tps: Iterable[TP]) -> None:
        """Let go of partitions that another worker owns now."""
        for tp in tps:
            for known in (self.positions, self.durable, self._reported, self._committed):
                known.pop(tp, None)

    def report_all(self) -> None:
        """Let the next report hold every position again: Redis may have lost them."""
        self._reported.clear()

    def report(self, pipe: Any, key: str) -> None:
        """Have the positions that changed since the last call written into a Redis hash, with what else is in the pipe.

        If that fails, `report_all` has to be called.
        """
        changed = {tp: position for tp, position in self.positions.items() if self._reported.get(tp) != position}
        if changed:
            pipe.hset(key, mapping={field(tp.topic, tp.partition): text(p) for tp, p in changed.items()})
            self._reported.update(changed)

    def to_commit(self) -> dict[TP, int]:
        """Offsets to commit to Kafka: those that a durable checkpoint stands behind, and that Kafka does not have."""
        return {tp: offset for tp, offset in self.durable.items() if self._committed.get(tp) != offset}

    def committed(self, offsets: Mapping[TP, int]) -> None:
        """Note that Kafka has these offsets."""
        self._committed.update(offsets)


def field(topic: str, partition: int) -> str:
    """The name of a partition's field in the progress hash."""
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
