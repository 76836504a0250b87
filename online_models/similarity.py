"""Item-to-item similarity, one increment at a time: what goes together, and how strongly, as of now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from online_models import slabs
from online_models.compiled import Float32s, Floats, Int32s, Structs, UInt16s
from online_models.distinct import Distinct
from online_models.event_time import DAY_MS
from online_models.increments import Increments
from online_models.reserve import long_enough
from online_models.similarity_kernels import USED_ROWS, learn, rank
from online_models.vocabulary import Vocabulary

ROW: Final = np.dtype(
    [
        ("item", np.int32),  # code of the item the row belongs to
        ("start", np.int32),  # first place of its neighbours in the pool
        ("length", np.int32),  # how many neighbours it has
        ("size", np.int32),  # size class of its slab
        ("actions", np.float64),  # decayed weight of all actions on the item
    ],
    align=True,
)


@dataclass(frozen=True)
class SimilaritySettings:
    """How co-visits become similarity.

    Attributes
    ----------
    half_life_days
        After this much event time a co-visit counts half.
    damping
        How much demand is held against a neighbour: 0 not at all (the chance that it follows), 0.5 as in a cosine;
        see `ItemSimilarity`.
    top
        Length of the lists given out.
    max_items
        The most items kept; beyond it the least active sixteenth is forgotten, all but their ids and what recommenders
        and other models hold by item: that is in nobody's checkpoint any more, and so is gone after the next restart.
    """

    half_life_days: float = 90.0
    damping: float = 0.2
    top: int = 50
    max_items: int = 1_000_000


class ItemSimilarity:
    """Decayed, directional co-visits with bounded neighbour lists.

    For items a and b, w(a, b) is the decayed sum of the weights of their meetings in sessions, n(a) that of the
    actions on a, and r(b) that of everything b received as a neighbour. The similarity of b to a is

        w(a, b) / ((n(a) + 5)^(1 - damping) · d(b)^damping),  d(b) = r(b) · (u(b) + 3) / (l(b) + 3)

    where l(b) is what b received lately, with a half-life of a day, and u(b) what it usually would have: its share of
    all that was received, times all that was received lately. An item that trends is held down less; where a day
    brings little, nothing can be said of that, and r(b) stands. Few actions on a are 5 too few to be sure of its list,
    which then counts less beside those of the shopper's other items. Where n(a) has decayed below 1 it is 5 n(a): an
    item that comes back after a long time still has its list. And n(a) is a quarter of the largest w(a, b) at least: an
    item that people only take out of old carts is acted on by nobody, but meets others nevertheless. (One
    that nobody ever acted on has no list.)

    But for the 5, this is with `damping` 0 the sequential rule "after a comes b" [1]_; with 0.5 it is the cosine
    normalisation of incremental item-based collaborative filtering [2]_, in which an item that meets everything is
    close to nothing.
    Where the items of a shop are spread over several models, r(b) is what b received in the rows of this one, and all
    is all of this one. An item is no neighbour of itself; `online_models.returns` is about coming back.

    Decay is forward [3]_: an increment at time t is added as weight · 2^((t - landmark) / half-life), so nothing has
    to be touched as time passes, and an increment that arrives late counts exactly what it would have counted in time.

    A list grows to 512 neighbours; beyond that the weakest gives way. Up to there `support` is exact, but it ends at
    65,535, and w(a, b) is rounded to `float32` after every increment, by less than 2^-23 of itself and as often up as
    down, so that it stays right however many there are; see `online_models.similarity_rounding`. All other sums are
    `float64`. 126 half-lives after the last meeting, or later, w(a, b) begins to lose digits; after 150 to 214 it is 0.

    Parameters
    ----------
    vocabulary
        Where the item codes come from; shared with whoever else uses them.
    settings
        See `SimilaritySettings`.

    References
    ----------
    .. [1] Ludewig, Jannach: Evaluation of session-based recommendation algorithms, UMUAI 28 (2018), SR.
    .. [2] Huang et al.: TencentRec, real-time stream recommendation in practice, SIGMOD 2015.
    .. [3] Cormode et al.: Forward decay, a practical time decay model for streaming systems, ICDE 2009.

    Examples
    --------
    >>> from online_models.increments import ACTION, FIRST_IN_SESSION
    >>> items = Vocabulary()
    >>> similarity = ItemSimilarity(items)
    >>> similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=0)
    >>> similarity.learn_one("lamp", "bulb", 1.0, FIRST_IN_SESSION, ts=0)
    >>> similarity.predict_one("lamp")
    [('bulb', 0.238495, 1)]
    """

    def __init__(self, vocabulary: Vocabulary, settings: SimilaritySettings | None = None) -> None:
        self.vocabulary = vocabulary
        self.settings = settings or SimilaritySettings()
        self.rows: Structs = np.zeros(min(64, self.settings.max_items), ROW)
        self.row_of: Int32s = np.full(64, -1, np.int32)
        self.received: Floats = np.zeros(64)
        self.lately: Floats = np.zeros(64)
        self.totals: Floats = np.zeros(2)
        self.neighbours: Int32s = np.zeros(1024, np.int32)
        self.weights: Float32s = np.zeros(1024, np.float32)
        self.support: UInt16s = np.zeros(1024, np.uint16)
        self._distinct = Distinct()
        self._damped: Floats = np.zeros(64)
        self._listed: Int32s = np.zeros(64, np.int32)
        self.free = np.full(slabs.SIZES, -1, np.int64)
        self.filled = np.zeros(1, np.int64)
        self.clock = np.array([0, -1, -1, 0], np.int64)  # rows in use, landmarks (-1: not set yet), highest event time

    def __len__(self) -> int:
        """How many items have a row."""
        return int(self.clock[USED_ROWS])

    def learn_one(self, row: str, neighbour: str, weight: float, kind: int, *, ts: int) -> None:
        """Learn one increment; see `Increments` for what the fields mean."""
        codes = self.vocabulary.codes([row, neighbour])
        self.learn_many(
            Increments(
                codes[:1],
                codes[1:],
                np.array([weight], np.float32),
                np.array([kind], np.int8),
                np.array([ts], np.int64),
            )
        )

    def learn_many(self, increments: Increments) -> Int32s:
        """Learn increments in their order and return the codes of the items whose rows changed, ascending."""
        self.row_of = long_enough(self.row_of, len(self.vocabulary), fill=-1)
        self.received = long_enough(self.received, len(self.vocabulary))
        self.lately = long_enough(self.lately, len(self.vocabulary))
        half_life_ms = self.settings.half_life_days * DAY_MS
        done = 0
        while True:
            done = learn(
                done, increments.row, increments.neighbour, increments.weight, increments.kind, increments.ts,
                half_life_ms, self.rows, self.row_of, self.received, self.lately, self.totals, self.neighbours,
                self.weights, self.support, self.free, self.filled, self.clock,
            )  # fmt: skip
            if done == len(increments):
                break
            self._make_room()
        return self._distinct.among(increments.row, len(self.vocabulary))

    def predict_one(self, item: str) -> list[tuple[str, float, int]]:
        """The neighbours of an item: (id, similarity, support), the most similar first, ties by id."""
        if item not in self.vocabulary:
            return []
        ids, scores, support, lengths = self.predict_many(self.vocabulary.codes([item]))
        names = self.vocabulary.names
        return [(names[ids[0, j]], float(scores[0, j]), int(support[0, j])) for j in range(lengths[0])]

    def predict_many(self, items: Int32s) -> tuple[Int32s, Floats, Int32s, Int32s]:
        """The neighbours of `n` items, most similar first, ties by id.

        Returns
        -------
        ids, scores, support
            Shape (n, top): neighbour codes, similarities, and in how many sessions both occurred.
        lengths
            Shape (n,): how many of the places are filled.
        """
        top = self.settings.top
        ids = np.zeros((len(items), top), np.int32)
        scores = np.zeros((len(items), top))
        support = np.zeros((len(items), top), np.int32)
        lengths = np.zeros(len(items), np.int32)
        self.row_of = long_enough(self.row_of, len(self.vocabulary), fill=-1)
        self._damped = long_enough(self._damped, len(self.vocabulary))
        self._listed = long_enough(self._listed, len(self.vocabulary))
        rank(
            items, self.settings.damping, self.settings.half_life_days * DAY_MS, self.rows, self.row_of, self.received,
            self.lately, self.totals, self.clock, self.neighbours, self.weights, self.support, self.vocabulary.text,
            self.vocabulary.ends, self._damped, self._listed, ids, scores, support, lengths,
        )  # fmt: skip
        return ids, scores, support, lengths

    def _make_room(self) -> None:
        """Called where the kernel stopped: the pool or the table is full, or too many items are known."""
        places = int(self.filled[0]) + slabs.slab_length(slabs.SIZES - 1)
        if places > len(self.neighbours):
            self.neighbours = long_enough(self.neighbours, places)
            self.weights = long_enough(self.weights, places)
            self.support = long_enough(self.support, places)
        elif len(self) < self.settings.max_items:
            self.rows = long_enough(self.rows, len(self) + 1)[: self.settings.max_items]
        else:
            self._forget_least_active()

    def _forget_least_active(self) -> None:
        """Drop the sixteenth of the items with the least decayed actions, to make room for new ones.

        What an item received is known for as long as it is in some list.
        """
        known = self.rows[: len(self)]
        order = np.argsort(known["actions"], kind="stable")
        dropped = np.sort(order[: max(1, len(known) // 16)])
        for row in known[dropped]:
            slabs.give_back(int(row["size"]), int(row["start"]), self.free, self.neighbours)
        self.row_of[known["item"][dropped]] = -1
        kept = np.delete(known, dropped)
        self.rows[: len(kept)] = kept
        self.row_of[kept["item"]] = np.arange(len(kept), dtype=np.int32)
        self.clock[USED_ROWS] = len(kept)
        unlisted = np.ones(len(self.received), np.bool_)
        unlisted[self.neighbours[slabs.places(kept["start"], kept["length"])]] = False
        self.received[unlisted] = self.lately[unlisted] = 0.0
