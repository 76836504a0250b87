"""The state of `ItemSimilarity` as plain arrays: copied in a moment, packed at leisure, and brought back to life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from online_models.compiled import Float32s, Floats, Int32s, Int64s, Structs, UInt16s
from online_models.event_time import DAY_MS
from online_models.numbering import Numbering
from online_models.reserve import long_enough
from online_models.similarity import ROW, ItemSimilarity, SimilaritySettings
from online_models.similarity_kernels import LANDMARK, MOST_SUPPORT, NEWEST, USED_ROWS
from online_models.slabs import places, slab_lengths
from online_models.spelling import Spelling
from online_models.vocabulary import Vocabulary


@dataclass(frozen=True)
class FrozenSimilarity:
    """A copy of the arrays of `ItemSimilarity` at one moment; `state` packs it, in another thread if need be."""

    items: Spelling
    rows: Structs
    received: Floats
    lately: Floats
    totals: Floats
    neighbours: Int32s
    weights: Float32s
    support: UInt16s
    clock: Int64s
    half_life_days: float

    @classmethod
    def of(cls, similarity: ItemSimilarity) -> FrozenSimilarity:
        """Copy what there is now."""
        filled, known = int(similarity.filled[0]), len(similarity.vocabulary)
        return cls(
            items=similarity.vocabulary.spelling(),
            rows=similarity.rows[: len(similarity)].copy(),
            received=similarity.received[:known].copy(),
            lately=similarity.lately[:known].copy(),
            totals=similarity.totals.copy(),
            neighbours=similarity.neighbours[:filled].copy(),
            weights=similarity.weights[:filled].copy(),
            support=similarity.support[:filled].copy(),
            clock=similarity.clock.copy(),
            half_life_days=similarity.settings.half_life_days,
        )

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as arrays; items are numbered by their place in `items`."""
        live = places(self.rows["start"], self.rows["length"])
        neighbours = self.neighbours[live]
        receivers = np.flatnonzero((self.received != 0.0) | (self.lately != 0.0)).astype(np.int32)
        numbering = Numbering.of(len(self.items.ends), self.rows["item"], neighbours, receivers)
        return {
            "items": self.items.chosen(numbering.used)._asdict(),
            "row_item": numbering.of_codes(self.rows["item"]),
            "row_length": np.ascontiguousarray(self.rows["length"]),
            "row_size": np.ascontiguousarray(self.rows["size"]),
            "row_actions": np.ascontiguousarray(self.rows["actions"]),
            "neighbours": numbering.of_codes(neighbours),
            "weights": self.weights[live],
            "support": self.support[live],
            "receivers": numbering.of_codes(receivers),
            "received": self.received[receivers],
            "lately": self.lately[receivers],
            "totals": self.totals,
            "clock": self.clock,
            "half_life_days": self.half_life_days,
        }


def restored(state: Mapping[str, Any], items: Vocabulary, settings: SimilaritySettings | None = None) -> ItemSimilarity:
    """The model that `state` was taken from; it goes on exactly as the original would.

    Where the settings have another half-life, weights are worth what they were at the last event time, and decay with
    the new one from there on.
    """
    similarity = ItemSimilarity(items, settings)
    codes = items.codes_of(Spelling(**state["items"]).ids())
    count = len(state["row_item"])
    rows = np.zeros(max(count, 1), ROW)
    rows["item"][:count] = codes[state["row_item"]]
    rows["length"][:count], rows["size"][:count] = state["row_length"], state["row_size"]
    rows["actions"][:count] = state["row_actions"]
    lengths = slab_lengths(rows["size"][:count])
    rows["start"][:count] = np.cumsum(lengths) - lengths
    filled = int(lengths.sum())
    live = places(rows["start"][:count], rows["length"][:count])
    similarity.neighbours = long_enough(similarity.neighbours, filled)
    similarity.weights = long_enough(similarity.weights, filled)
    similarity.support = long_enough(similarity.support, filled)
    similarity.neighbours[live] = codes[state["neighbours"]]
    similarity.weights[live] = state["weights"]
    similarity.support[live] = np.minimum(state["support"], MOST_SUPPORT)
    similarity.rows = rows
    similarity.row_of = long_enough(similarity.row_of, len(items), fill=-1)
    similarity.row_of[rows["item"][:count]] = np.arange(count, dtype=np.int32)
    similarity.received = long_enough(similarity.received, len(items))
    similarity.received[codes[state["receivers"]]] = state["received"]
    similarity.lately = long_enough(similarity.lately, len(items))
    similarity.lately[codes[state["receivers"]]] = state["lately"]
    similarity.totals[:] = state["totals"]
    similarity.filled[0] = filled
    similarity.clock[:] = state["clock"]
    if similarity.clock[USED_ROWS] != count:
        raise ValueError(
            f"A state has {count} rows and counts {similarity.clock[USED_ROWS]}: it was not written whole."
        )
    if state["half_life_days"] != similarity.settings.half_life_days and similarity.clock[LANDMARK] >= 0:
        _begin_anew_at_newest(similarity, state["half_life_days"])
    return similarity


def _begin_anew_at_newest(similarity: ItemSimilarity, half_life_days: float) -> None:
    """Scale all weights, which decayed with a half-life, so that an increment weighs 1 at the highest event time."""
    clock = similarity.clock
    # A `float64` of numpy's: Python's own would be cut to `float32` before the pool's weights are multiplied by it.
    factor = np.exp2(np.float64(clock[LANDMARK] - clock[NEWEST]) / (half_life_days * DAY_MS))
    for decayed in (similarity.rows["actions"], similarity.received, similarity.weights, similarity.totals[:1]):
        decayed *= factor
    clock[LANDMARK] = clock[NEWEST]
