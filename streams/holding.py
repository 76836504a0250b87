"""How long what the agents tell each other is held, so that much of it travels together."""

from __future__ import annotations

from typing import Final

#: At least for so long, and at most; see `hold_seconds`.
HOLD_SECONDS: Final = 0.25
_LONGEST_HOLD_SECONDS: Final = 2.0
#: Blocks of co-visits that are made in a second, by all workers, before they are held longer.
_BLOCKS_PER_SECOND: Final = 500


def hold_seconds(partitions: int, item_partitions: int) -> float:
    """How long shoppers agents hold what others are to be told: everybody tells everybody, so that is what many cost.

    >>> hold_seconds(8, 4), hold_seconds(64, 32)
    (0.25, 2.0)
    """
    return min(max(HOLD_SECONDS, partitions * item_partitions / _BLOCKS_PER_SECOND), _LONGEST_HOLD_SECONDS)
