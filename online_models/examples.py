"""Labelled sessions, as columns: what the learner learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from online_models.compiled import Float32s, Int8s, Int32s, Int64s, Structs
from online_models.shopper_records import EXAMPLE


@dataclass(frozen=True)
class Examples:
    """Labelled sessions, as columns: what the learner learns from.

    Attributes
    ----------
    features
        Shape (n, F) float32: `PROPENSITY_FEATURES` at a random moment of the session before its first purchase.
    profile
        Shape (n, G) float32: `PROFILE_FEATURES` at its end.
    bought
        Shape (n,): 1 if there was a purchase, 0 if not; -1 if a purchase was the first thing done: there was no moment
        to predict it from, and the features would give the label away.
    known_at
        Shape (n,): event time in ms at which the session was over.
    items, lengths
        Shape (n, 16) and (n,): codes of the session's newest items, and how many there are.
    """

    features: Float32s
    profile: Float32s
    bought: Int8s
    known_at: Int64s
    items: Int32s
    lengths: Int32s

    def __len__(self) -> int:
        return len(self.bought)

    def chosen(self, places: Int64s) -> Examples:
        """The examples at some places, in the order of the places."""
        return Examples(
            self.features[places],
            self.profile[places],
            self.bought[places],
            self.known_at[places],
            self.items[places],
            self.lengths[places],
        )

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> Examples:
        """Several as one, one behind the other."""
        rows = ((part.features, part.profile, part.bought, part.known_at, part.items, part.lengths) for part in parts)
        return cls(*map(np.concatenate, zip(*rows, strict=True)))

    @classmethod
    def of(cls, rows: Structs) -> Examples:
        """The columns of records `EXAMPLE`."""
        names = ("features", "profile", "bought", "known_at", "items", "length")
        return cls(*[np.ascontiguousarray(rows[name]) for name in names])

    @classmethod
    def empty(cls) -> Examples:
        """None at all."""
        return cls.of(np.zeros(0, EXAMPLE))
