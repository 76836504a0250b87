"""How far every partition is processed: kept in Redis for operators, and committed to Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from faust.types import TP
from redis.asyncio import Redis


class Position(NamedTuple):
    """The next offset to process, and Kafka's timestamp (ms) of the last record that was."""

    next_offset: int
    timestamp: int


class Progress:
    """Positions of the partitions this worker owns.

    A position moves only after the outputs of everything before it are in Kafka and in Redis.
    """

    def __init__(self) -> None:
        self.positions: dict[TP, Position] = {}
        self._reported: dict[TP, Position] = {}
        self._committed: dict[TP, int] = {}

    def advance(self, tp: TP, next_offset: int, timestamp: int) -> None:
        """Note that everything before `next_offset` is processed."""
        self.positions[tp] = Position(next_offset, timestamp)

    def forget(self, tps: Iterable[TP]) -> None:
        """Let go of partitions that another worker owns now."""
        for tp in tps:
            for known in (self.positions, self._reported, self._committed):
                known.pop(tp, None)

    async def report(self, redis: Redis, key: str) -> None:
        """Write the positions that changed since the last call into a Redis hash."""
        changed = {tp: position for tp, position in self.positions.items() if self._reported.get(tp) != position}
        if changed:
            await redis.hset(key, mapping={field(tp.topic, tp.partition): text(p) for tp, p in changed.items()})
            self._reported.update(changed)

    def to_commit(self) -> dict[TP, int]:
        """Offsets to commit to Kafka. (Checkpoints: those of the newest durable one will be returned here.)"""
        return {
            tp: position.next_offset
            for tp, position in self.positions.items()
            if self._committed.get(tp) != position.next_offset
        }

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
