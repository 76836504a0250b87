"""What shoppers did, as models of items learn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from online_models.compiled import Float32s, Floats, Int8s, Int32s, Int64s

#: What an increment says; see `Increments.kind`.
SEEN_AGAIN: Final = 0
FIRST_IN_SESSION: Final = 1
ACTION: Final = 2


@dataclass(frozen=True)
class Increments:
    """What shoppers did, as columns of one length, in the order it happened.

    Attributes
    ----------
    row, neighbour
        Item codes: the item whose list changes, and the item that enters it or rises in it.
    weight
        How much it counts: action weight times closeness within the session.
    kind
        `FIRST_IN_SESSION`: the two items meet for the first time in this session, `SEEN_AGAIN`: they met before,
        `ACTION`: not a meeting but an action on `row` itself (`neighbour` is the same item).
    ts
        Event time in milliseconds.
    """

    row: Int32s
    neighbour: Int32s
    weight: Float32s
    kind: Int8s
    ts: Int64s

    def __len__(self) -> int:
        return len(self.row)

    def chosen(self, places: Int64s | slice) -> Increments:
        """The increments at some places, in the order of the places."""
        return Increments(
            self.row[places], self.neighbour[places], self.weight[places], self.kind[places], self.ts[places]
        )

    def actions(self) -> tuple[Int32s, Floats, Int64s]:
        """Items acted on, weights and times, as `Trending.learn_many` wants them."""
        places = np.flatnonzero(self.kind == ACTION)
        return self.row[places], self.weight[places].astype(np.float64), self.ts[places]

    @classmethod
    def joined(cls, parts: Sequence[Increments]) -> Increments:
        """Several as one, one behind the other."""
        columns = zip(*((part.row, part.neighbour, part.weight, part.kind, part.ts) for part in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    @classmethod
    def empty(cls) -> Increments:
        """None at all."""
        codes = np.zeros(0, np.int32)
        return cls(codes, codes, np.zeros(0, np.float32), np.zeros(0, np.int8), np.zeros(0, np.int64))
