"""What a receiver of blocks has applied from each source partition: nothing twice, and no hole unnoticed."""

from __future__ import annotations

from collections.abc import Iterable

from streams.blocks import Block
from streams.errors import EngineError


class SourcesApplied:
    """The highest source offset applied, per source partition.

    >>> applied = SourcesApplied()
    >>> applied.advance(Block(1, "clickstream", 0, -1, 10, b"", b"", []))
    -1
    >>> applied.advance(Block(1, "clickstream", 0, -1, 12, b"", b"", []))  # overlaps: only 11 and 12 are new
    10
    >>> applied.advance(Block(1, "clickstream", 0, 20, 25, b"", b"", []))
    Traceback (most recent call last):
        ...
    streams.errors.EngineError: A block from clickstream-0 follows offset 20, but only 12 was applied, ...
    """

    def __init__(self) -> None:
        self.offsets: dict[tuple[str, int], int] = {}
        self._forgiven: set[tuple[str, int]] = set()

    def forgive(self) -> None:
        """Accept one hole per source from here on: Kafka has lost blocks, and that has been reported."""
        self._forgiven = set(self.offsets)

    def state(self) -> list[tuple[str, int, int, bool]]:
        """Everything there is to know; `from_state` brings it back to life."""
        return [(*source, offset, source in self._forgiven) for source, offset in sorted(self.offsets.items())]

    @classmethod
    def from_state(cls, state: Iterable[tuple[str, int, int, bool]]) -> SourcesApplied:
        """Rebuild what `state` was taken from."""
        applied = cls()
        for topic, partition, offset, is_forgiven in state:
            applied.offsets[topic, partition] = offset
            if is_forgiven:
                applied._forgiven.add((topic, partition))
        return applied

    def advance(self, block: Block) -> int:
        """Take note of a block; return the offset after which its rows are new.

        Raises
        ------
        EngineError
            A block before this one never arrived.
        """
        source = (block.topic, block.partition)
        applied = self.offsets.get(source)
        if applied is not None and block.previous > applied and source not in self._forgiven:
            raise EngineError(
                f"A block from {block.topic}-{block.partition} follows offset {block.previous}, but only {applied} was "
                f"applied, so what lies between is missing: replay {block.topic}-{block.partition} from there."
            )
        self._forgiven.discard(source)
        self.offsets[source] = max(block.last, -1 if applied is None else applied)
        return -1 if applied is None else applied
