"""Groups of customers that keep their number: River's streaming K-means, in machine code, with a careful start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from online_models.characters import Segment, described
from online_models.compiled import Floats, Int64s
from online_models.features import PROFILE_FEATURES, as_rows, standardise
from online_models.k_means import follow, least_needed, nearest, next_center, owned, seed_centers, settled
from online_models.standard_scaler import StandardScaler

#: Number of examples after which the count of a segment's customers has lost half its weight.
_MEMORY: Final = 10_000
#: How many swaps are tried after each block.
_TRIES: Final = 2
#: Whoever is this many times as far from all segments as is usual is a stranger, in squares.
_STRANGE: Final = 9.0
_PARAMETERS = ("n_segments", "features", "block", "window", "step", "gain", "swap_gain", "seed")


class Segments:
    """A fixed number of customer groups that follow the customers and keep their numbers.

    River's `KMeans` behind its scaler, both with River's arithmetic in machine code. Time is cut into blocks of `block`
    examples. The first block is only collected; then the centres are chosen on it and it is learned.
    From there on every example moves the centre nearest to it a little. A segment's number is the index of
    its centre, and centres are never reordered: segment 3 stays segment 3 however far it wanders. Strangers,
    who are far from where any segment was when the block began, get a number but move nothing: a new crowd
    would else drag a centre off, whose customers would fall to the next one, and numbers would change hands.

    The scaler learns all the time, but what it has learned is applied only between two blocks. First the
    centres are carried over, each keeping its place in the units of the features. Then they settle: a few rounds
    of Lloyd's algorithm on the last `window` blocks, strangers left out, take each to the middle of its customers,
    which following one example at a time only comes near. Within a block nothing but the centres moves.

    A centre can become useless, because its customers are gone. After each block, before they settle, the least
    needed centre moves to where k-means++ would put a further one, if that shrinks the spread of the block by at least
    `gain`; its number then means other customers, and what came before that block is settled on no more. In a steady
    shop this does not happen; in a new one, where the first customers are unlike the later ones, a few times early on.
    So for the first `window` blocks all of them are looked at, and strangers count.

    Or the start was an unlucky one, and two centres share what one could do. So after they have settled, such swaps are
    tried on the last `window` blocks, now with a few rounds of Lloyd's algorithm before it is seen what they win.

    Parameters
    ----------
    n_segments
        How many groups.
    features
        Names of the features, in the order of the columns.
    block
        Examples between two looks at scale and spread, and length of the warm-up; at least 10 per segment.
    window
        Blocks on which the centres settle.
    step
        How far a centre moves towards an example, between 0 and 1 (River calls it `halflife`). 0.01 averages
        over about the last 100 customers of a segment.
    gain
        The part of the spread of a block that has to be won before a centre is moved to new customers; 1 never moves
        any.
    swap_gain
        The part of the spread, of the window and of its last block, that a swap has to win; 1 never swaps.
    seed
        Chooses the initial centres.

    Attributes
    ----------
    means, scales : array
        What takes the features to standard deviations in the present block.
    sizes : array
        Decayed number of examples per segment.

    Examples
    --------
    >>> model = Segments(n_segments=2, features=("log_spend", "variety"), block=20)
    >>> for i in range(40):
    ...     model.learn_one({"log_spend": 6.0 * (i % 2), "variety": 0.5})
    >>> rich, poor = (model.predict_one({"log_spend": spend, "variety": 0.5}) for spend in (5.0, 1.0))
    >>> model.describe()[rich].name, model.describe()[rich].sentence, model.describe()[rich].share
    ('Big spenders', 'They spend more than the average customer.', 0.5)
    >>> model.describe()[poor].centroid
    {'log_spend': 0.0, 'variety': 0.5}

    References
    ----------
    [^1]: [River: KMeans](https://riverml.xyz/latest/api/cluster/KMeans/)
    [^2]: [Arthur, D. and Vassilvitskii, S., 2007. k-means++: the advantages of careful seeding. SODA, 1027-1035](https://theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf)

    """

    def __init__(
        self,
        n_segments: int = 8,
        features: Sequence[str] = PROFILE_FEATURES,
        block: int = 512,
        window: int = 4,
        step: float = 0.01,
        gain: float = 0.05,
        swap_gain: float = 0.01,
        seed: int = 0,
    ) -> None:
        if n_segments < 2 or block < 10 * n_segments or window < 1:
            raise ValueError("segments needs at least 2 segments, 10 examples per segment in a block, and a block")
        self.n_segments = n_segments
        self.features = tuple(features)
        self.block = block
        self.window = window
        self.step = step
        self.gain = gain
        self.swap_gain = swap_gain
        self.seed = seed
        self.examples = 0
        self.scaler = StandardScaler(len(self.features))
        self._centers = np.zeros((n_segments, len(self.features)))
        self.means, self.scales = np.zeros((2, len(self.features)))
        self.sizes = np.zeros(n_segments)
        self._anchors, self._reach = np.zeros((0, len(self.features))), 0.0
        self._window = np.zeros((window * block, len(self.features)))
        self._since = 0

    @property
    def centers(self) -> Floats:
        """The centres, one row per segment, in standard deviations; no rows during warm-up."""
        return self._centers[: self.n_segments if self.examples >= self.block else 0].copy()

    def learn_one(self, x: Mapping[str, float]) -> None:
        """Learn one example, given by feature names."""
        self.learn_predict_many([[x[name] for name in self.features]])

    def learn_many(self, X: ArrayLike) -> None:  # noqa: N803
        """Learn the rows of `X`, in order: the same as `learn_one` for each, bit for bit."""
        self.learn_predict_many(X)

    def learn_predict_many(self, X: ArrayLike) -> Int64s:  # noqa: N803
        """Learn the rows of `X`; returns the segment each was put into, -1 during warm-up."""
        return self.learn_measure_many(X)[0]

    def learn_measure_many(self, X: ArrayLike) -> tuple[Int64s, Floats]:  # noqa: N803
        """Learn the rows of `X`; returns the segment each was put into, and how far it was from its centre.

        The distance is that before the centre moved, in standard deviations; NaN during warm-up, where the segment
        is -1.
        """
        rows = as_rows(X, len(self.features))
        segments = np.full(len(rows), -1, dtype=np.int64)
        distances = np.full(len(rows), np.nan)
        start = 0
        while start < len(rows):
            taken = rows[start : start + self.block - self.examples % self.block]
            stop = start + len(taken)
            place = self.examples % len(self._window)
            self._window[place : place + len(taken)] = taken
            if self.examples >= self.block:
                moved = self._move(standardise(taken, self.means, self.scales))
                segments[start:stop], distances[start:stop] = moved
            self.examples += len(taken)
            if self.examples % self.block == 0:
                self._end_block()
            start = stop
        return segments, distances

    def predict_one(self, x: Mapping[str, float]) -> int | None:
        """The number of the customer's segment; None during warm-up."""
        segment = int(self.predict_many([[x[name] for name in self.features]])[0])
        return None if segment < 0 else segment

    def predict_many(self, X: ArrayLike) -> Int64s:  # noqa: N803
        """The number of each row's segment; -1 during warm-up."""
        rows = as_rows(X, len(self.features))
        if self.examples < self.block:
            return np.full(len(rows), -1, dtype=np.int64)
        return nearest(standardise(rows, self.means, self.scales), self.centers)

    def describe(self) -> list[Segment]:
        """All segments by number, in words that set them against the recent customers; empty in warm-up."""
        centers = self.centers
        if not len(centers):
            return []
        shares = self.sizes / self.sizes.sum()
        return described(self.features, centers - shares @ centers, self.means + centers * self.scales, shares)

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as plain values and arrays."""
        learned = {
            "features": list(self.features),
            "examples": self.examples,
            "means": self.means.copy(),
            "variances": self.scaler.variances.copy(),
            "centers": self.centers,
            "sizes": self.sizes.copy(),
            "anchors": self._anchors.copy(),
            "reach": self._reach,
            "window_rows": self._window.copy(),
            "since": self._since,
        }
        return {name: getattr(self, name) for name in _PARAMETERS} | learned

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Segments:
        """Rebuild what `state` was taken from; it goes on exactly as the original would."""
        model = cls(**{name: state[name] for name in _PARAMETERS})
        model.examples = int(state["examples"])
        model.sizes[:] = state["sizes"]
        model._anchors, model._reach = state["anchors"].copy(), float(state["reach"])
        model._window[:] = state["window_rows"]
        model._since = int(state["since"])
        blocks = model.examples // model.block
        if blocks:
            model.scaler = StandardScaler.restored(blocks * model.block, state["means"], state["variances"])
            model.means, model.scales = model.scaler.means.copy(), model.scaler.scales
            model._place(state["centers"])
        return model

    def _move(self, points: Floats) -> tuple[Int64s, Floats]:
        """Let the nearest centre follow each point, and count who it was; also tells how far it was."""
        strange = owned(points, self._anchors)[1] > self._reach
        owners, distances = np.zeros(len(points), np.int64), np.zeros(len(points))
        follow(points, strange, self.step, self._centers, owners, distances)
        self.sizes += np.bincount(owners, minlength=self.n_segments)
        return owners, distances

    def _end_block(self) -> None:
        middles = self.means + self.centers * self.scales if self.examples > self.block else None
        end = (self.examples - 1) % len(self._window) + 1
        rows = self._window[end - self.block : end]
        self.scaler.learn_many(rows)
        self.means, self.scales = self.scaler.means.copy(), self.scaler.scales
        points = standardise(rows, self.means, self.scales)
        rng = np.random.default_rng([self.seed, self.examples])
        if middles is None:
            self._place(seed_centers(points, self.n_segments, rng))
            self._drop_anchors(points)
            self._move(points)
            self._settle(points, strangers=True)
        else:
            self._place(standardise(middles, self.means, self.scales))
            young = self.examples <= len(self._window)
            if self._relocate(self._recent() if young else points, rng) and not young:
                self._since = self.examples - self.block
            recent = self._recent()
            self._settle(recent, strangers=young)
            self._swap(recent, rng)
        self._drop_anchors(points)
        self.sizes *= 0.5 ** (self.block / _MEMORY)

    def _recent(self) -> Floats:
        """The last `window` blocks, on the present scale, oldest first; none from before customers changed."""
        count = min(self.examples - self._since, len(self._window))
        places = np.arange(self.examples - count, self.examples) % len(self._window)
        return standardise(self._window[places], self.means, self.scales)

    def _settle(self, points: Floats, *, strangers: bool) -> None:
        _, least = owned(points, self._centers)
        near = points if strangers else points[least <= _STRANGE * least.mean()]
        self._place(settled(near, self.centers))

    def _relocate(self, points: Floats, rng: np.random.Generator) -> bool:
        """Move the least needed centre to new customers if that alone does enough good; tells whether it did."""
        lost, without, least = least_needed(points, self._centers)
        place, left = next_center(points, without, rng)
        enough = left < (1.0 - self.gain) * float(least.sum())
        if enough:
            self._give(lost, place)
        return enough

    def _swap(self, recent: Floats, rng: np.random.Generator) -> None:
        """Move the least needed centre if that does enough good once all have settled, of late and in the block."""
        found = least_needed(recent, self._centers)
        for _ in range(_TRIES):
            place, _ = next_center(recent, found.without, rng)
            moved = self.centers
            moved[found.number] = place
            after = settled(recent, moved)
            now, then, enough = found.least, owned(recent, after)[1], 1.0 - self.swap_gain
            if then.sum() < enough * now.sum() and then[-self.block :].sum() < enough * now[-self.block :].sum():
                self._give(found.number, place)
                self._place(after)
                found = least_needed(recent, self._centers)

    def _give(self, lost: int, place: Floats) -> None:
        """Move a centre: it gets half of the customers of that it is put beside."""
        donor = int(nearest(place[None], np.delete(self._centers, lost, axis=0))[0])
        donor += donor >= lost
        self._centers[lost] = place
        self.sizes[[lost, donor]] = (self.sizes[lost] + self.sizes[donor]) / 2.0

    def _drop_anchors(self, points: Floats) -> None:
        """Note where the segments are, and how far from all of them makes a stranger: three times the usual."""
        self._anchors = self.centers
        self._reach = _STRANGE * float(owned(points, self._anchors)[1].mean())

    def _place(self, centers: Floats) -> None:
        self._centers[:] = centers
