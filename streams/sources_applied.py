"""What a receiver of blocks has applied from each source partition: nothing twice, and no hole unnoticed."""

from __future__ import annotations

from streams.blocks import Block
from streams.errors import EngineError


class SourcesApplied:
    """The highest source offset applied, per source partition.

    >>> applied = SourcesApplied()
    >>> applied.advance(Block(1, "clickstream", 0, -1, 10, [], b""))
    -1
    >>> applied.advance(Block(1, "clickstream", 0, -1, 12, [], b""))  # overlaps: only 11 and 12 are new
    10
    >>> applied.advance(Block(1, "clickstream", 0, 20, 25, [], b""))
    Traceback (most recent call last):
        ...
    streams.errors.EngineError: A block from clickstream-0 follows offset 20, but only 12 was applied, ...
    """

    def __init__(self) -> None:
        self.offsets: dict[tuple[str, int], int] = {}

    def advance(self, block: Block) -> int:
        """Take note of a block; return the offset after which its rows are new.

        Raises
        ------
        EngineError
            A block before this one never arrived.
        """
        source = (block.topic, block.partition)
        applied = self.offsets.get(source)
        if applied is not None and block.previous > applied:
            raise EngineError(
                f"A block from {block.topic}-{block.partition} follows offset {block.previous}, but only {applied} was "
                f"applied, so what lies between is missing: replay {block.topic}-{block.partition} from there."
            )
        self.offsets[source] = max(block.last, -1 if applied is None else applied)
        return -1 if applied is None else applied
