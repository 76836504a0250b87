"""What everybody looks at now: decayed popularity with an exact top list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from online_models.compiled import Floats, Int32s, Int64s, compiled
from online_models.distinct import Distinct
from online_models.event_time import HOUR_MS
from online_models.ranking import insert, rounded
from online_models.reserve import long_enough
from online_models.spelling import Spelling
from online_models.vocabulary import Vocabulary

#: After this much event time an action counts half.
HALF_LIFE_HOURS: Final = 6.0
#: Length of the list, and of the one merged from all item partitions.
TOP: Final = 50
_RESCALE_HALF_LIVES: Final = 256
#: What is left of less than this has no digits that tell one item from another, and is nothing.
_NOTHING: Final = 1e-300


class Trending:
    """The items with the most decayed action weight.

    Decay is forward, as in `online_models.similarity`: a weight, once added, only grows relative to nothing, so an
    item can enter the top list only when it is acted on, and the list stays exact at the cost of the items that
    were touched.

    Parameters
    ----------
    vocabulary
        Where item codes come from.
    half_life_hours
        After this much event time an action counts half.
    top
        Length of the list.

    Examples
    --------
    >>> items = Vocabulary()
    >>> trending = Trending(items, top=2)
    >>> trending.learn_many(items.codes(["lamp", "bulb", "lamp"]), np.ones(3), np.zeros(3, np.int64))
    >>> [(items.names[code], round(share, 2)) for code, share in trending.top_items()]
    [('lamp', 0.67), ('bulb', 0.33)]
    """

    def __init__(self, vocabulary: Vocabulary, half_life_hours: float = HALF_LIFE_HOURS, top: int = TOP) -> None:
        self.vocabulary = vocabulary
        self.half_life_hours = half_life_hours
        self.top = top
        self.weights: Floats = np.zeros(64)
        self.list: Int32s = np.zeros(0, np.int32)
        self._totals = np.zeros(1)
        self._distinct = Distinct()
        self._landmark = np.full(1, -1, np.int64)

    def learn_many(self, items: Int32s, weights: Floats, ts: Int64s) -> None:
        """Learn actions in their order: item codes, action weights, event times in ms."""
        self.weights = long_enough(self.weights, len(self.vocabulary))
        _learn(items, weights, ts, self.half_life_hours * HOUR_MS, self.weights, self._totals, self._landmark)
        candidates = self._distinct.among(np.concatenate([self.list, items]), len(self.vocabulary))
        ids, scores = np.zeros(self.top, np.int32), np.zeros(self.top)
        vocabulary = self.vocabulary
        length = _best(candidates, self.weights, ids, scores, vocabulary.text, vocabulary.ends)
        self.list = ids[:length]

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as arrays; `from_state` brings it back to life."""
        known = np.flatnonzero(self.weights).astype(np.int32)
        items = np.union1d(known, self.list).astype(np.int32)
        return {
            "items": self.vocabulary.spelling().chosen(items)._asdict(),
            "weights": self.weights[items],
            "list": np.searchsorted(items, self.list).astype(np.int32),
            "totals": self._totals.copy(),
            "landmark": self._landmark.copy(),
        }

    @classmethod
    def from_state(cls, vocabulary: Vocabulary, state: Mapping[str, Any]) -> Trending:
        """Rebuild what `state` was taken from, of the usual half-life and length; it goes on exactly as that would."""
        trending = cls(vocabulary)
        codes = vocabulary.codes(Spelling(**state["items"]).names())
        trending.weights = long_enough(trending.weights, len(vocabulary))
        trending.weights[codes] = state["weights"]
        trending.list = codes[state["list"]]
        trending._totals[:] = state["totals"]
        trending._landmark[:] = state["landmark"]
        return trending

    def weight(self, as_of: int) -> tuple[Floats, float]:
        """The decayed weights of the listed items, and of all together, as of an event time in ms."""
        if self._landmark[0] < 0:
            return np.zeros(0), 0.0
        factor = 2.0 ** ((int(self._landmark[0]) - as_of) / (self.half_life_hours * HOUR_MS))
        return self.weights[self.list] * factor, float(self._totals[0] * factor)

    def top_items(self) -> list[tuple[int, float]]:
        """Item codes with their share of all decayed weight, the most popular first, ties by id."""
        total = float(self._totals[0])
        shares = [(int(code), rounded(float(self.weights[code]) / total)) for code in self.list]
        names = dict(zip(self.list.tolist(), self.vocabulary.names_of(self.list), strict=True))
        return sorted(shares, key=lambda entry: (-entry[1], names[entry[0]]))


@compiled
def _learn(
    items: Int32s,
    weights: Floats,
    ts: Int64s,
    half_life_ms: float,
    held: Floats,
    totals: Floats,
    landmark: Int64s,
) -> None:
    for i in range(len(items)):
        if landmark[0] < 0:
            landmark[0] = ts[i]
        age = (ts[i] - landmark[0]) / half_life_ms
        if age >= _RESCALE_HALF_LIVES:
            steps = np.floor(age)
            held *= 2.0**-steps
            for k in range(len(held)):
                if held[k] < _NOTHING:
                    held[k] = 0.0
            totals *= 2.0**-steps
            landmark[0] += int(steps * half_life_ms)
            age = (ts[i] - landmark[0]) / half_life_ms
        gain = weights[i] * 2.0**age
        held[items[i]] += gain
        totals[0] += gain


@compiled
def _best(candidates: Int32s, weights: Floats, ids: Int32s, scores: Floats, text: np.ndarray, ends: Int64s) -> int:
    length = 0
    for item in candidates:
        if weights[item] > 0.0 and insert(item, weights[item], length, ids, scores, text, ends) >= 0:
            length = min(length + 1, len(ids))
    return length
