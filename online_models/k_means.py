"""The parts of K-means: distances, k-means++ starts, Lloyd's rounds, and River's step towards each point."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Floats, Int64s, compiled

Bools = NDArray[np.bool_]

#: Points that are measured together: few enough that what is in between stays close to the processor.
_AT_ONCE: Final = 128
#: Rounds of Lloyd's algorithm after each block.
ROUNDS: Final = 3


@compiled
def follow(points: Floats, is_strange: Bools, step: float, centers: Floats, owners: Int64s, distances: Floats) -> None:
    """River's `KMeans.learn_predict_one` for point after point: the nearest centre moves a little towards it.

    Parameters
    ----------
    points, is_strange
        Shape (n, d), and (n,): those that move nothing.
    step
        How far a centre moves, as a part of the way; River calls it `halflife`.
    centers
        Shape (k, d): moved in place.
    owners, distances
        Shape (n,), filled: the nearest centre, the lower number if two are equally close, and how far it was before
        it moved.
    """
    for n in range(len(points)):
        nearest_one, least = 0, np.inf
        for k in range(len(centers)):
            square = 0.0
            for j in range(points.shape[1]):
                square += (centers[k, j] - points[n, j]) ** 2
            if square < least:
                nearest_one, least = k, square
        owners[n], distances[n] = nearest_one, np.sqrt(least)
        if not is_strange[n]:
            for j in range(points.shape[1]):
                centers[nearest_one, j] += step * (points[n, j] - centers[nearest_one, j])


@compiled
def _squares(points: Floats, centers: Floats, squared: Floats) -> None:
    """Fill `squared`, of shape (k, n); a few points at a time, turned, so that the processor does several at once."""
    turned = np.empty((points.shape[1], _AT_ONCE))
    for start in range(0, len(points), _AT_ONCE):
        count = min(_AT_ONCE, len(points) - start)
        for i in range(count):
            for j in range(points.shape[1]):
                turned[j, i] = points[start + i, j]
        for k in range(len(centers)):
            total = squared[k, start : start + count]
            total[:] = 0.0
            fours = points.shape[1] // 4 * 4
            for j in range(0, fours, 4):  # at once, which takes fewer trips to memory; added in the same order
                c0, c1, c2, c3 = centers[k, j], centers[k, j + 1], centers[k, j + 2], centers[k, j + 3]
                x0, x1, x2, x3 = turned[j], turned[j + 1], turned[j + 2], turned[j + 3]
                for i in range(count):
                    half = total[i] + (x0[i] - c0) ** 2 + (x1[i] - c1) ** 2
                    total[i] = half + (x2[i] - c2) ** 2 + (x3[i] - c3) ** 2
            for j in range(fours, points.shape[1]):
                x0, c0 = turned[j], centers[k, j]
                for i in range(count):
                    total[i] += (x0[i] - c0) ** 2


@compiled
def _nearest(points: Floats, centers: Floats, owners: Int64s, least: Floats) -> None:
    """Fill `owners` and `least`, of shape (n,): which centre is closest, and the square of how far it is."""
    squared = np.empty((len(centers), min(_AT_ONCE, len(points))))
    for start in range(0, len(points), _AT_ONCE):
        some = points[start : start + _AT_ONCE]
        owner, lowest = owners[start : start + len(some)], least[start : start + len(some)]
        _squares(some, centers, squared)
        owner[:] = 0
        lowest[:] = np.inf
        for k in range(len(centers)):
            total = squared[k, : len(some)]
            for i in range(len(some)):
                is_closer = total[i] < lowest[i]
                owner[i] = k if is_closer else owner[i]
                lowest[i] = total[i] if is_closer else lowest[i]


def squares(points: Floats, centers: Floats) -> Floats:
    """Squared distance of every centre (rows) to every point (columns), the same bits for any set of points."""
    squared = np.empty((len(centers), len(points)))
    _squares(points, centers, squared)
    return squared


def owned(points: Floats, centers: Floats) -> tuple[Int64s, Floats]:
    """The index of the closest centre for each point, and the square of how far it is; see `nearest`."""
    owners, least = np.empty(len(points), np.int64), np.empty(len(points))
    _nearest(points, centers, owners, least)
    return owners, least


def nearest(points: Floats, centers: Floats) -> Int64s:
    """The index of the closest centre for each point; the lower index if two are equally close."""
    return owned(points, centers)[0]


def next_center(points: Floats, now: Floats, rng: np.random.Generator) -> tuple[Floats, float]:
    """Choose one more centre among `points` by greedy k-means++; also tells the spread that is left with it.

    `now` holds the square of how far each point is from the closest centre so far. Eight candidates are drawn, likelier
    the further from all centres, and the one that helps most wins. A lone outlier is far away but helps nobody else,
    so it seldom does.
    """
    odds = now / now.sum() if 1e-9 < now.sum() < np.inf else None
    candidates = points[rng.choice(len(points), size=8, p=odds)]
    left = np.minimum(now, squares(points, candidates)).sum(axis=1)
    best = int(left.argmin())
    return candidates[best], float(left[best])


def seed_centers(points: Floats, count: int, rng: np.random.Generator) -> Floats:
    """The best of several k-means++ starts, each improved by Lloyd's algorithm."""
    best, least = points[:count], np.inf
    for _ in range(8):
        centers = points[:0]
        for _ in range(count):
            now = squares(points, centers).min(axis=0, initial=np.inf)
            centers = np.vstack([centers, next_center(points, now, rng)[0]])
        for _ in range(10):
            owner = nearest(points, centers)
            for i in np.unique(owner):
                centers[i] = points[owner == i].mean(axis=0)
        left = spread(points, centers)
        if left < least:
            best, least = centers, left
    return best


def settled(points: Floats, centers: Floats) -> Floats:
    """The centres after a few rounds of Lloyd's algorithm; one that no point is nearest to stays where it is.

    >>> settled(np.array([[0.0], [2.0], [9.0]]), np.array([[3.0], [5.0], [50.0]])).tolist()
    [[1.0], [9.0], [50.0]]
    """
    centers = centers.copy()
    for _ in range(ROUNDS):
        _to_the_middle(points, nearest(points, centers), centers)
    return centers


@compiled
def _to_the_middle(points: Floats, owners: Int64s, centers: Floats) -> None:
    """Move the centres that own points to the middle of these."""
    count, total = np.zeros(len(centers)), np.zeros(centers.shape)
    for n in range(len(points)):
        count[owners[n]] += 1.0
        for j in range(points.shape[1]):
            total[owners[n], j] += points[n, j]
    for k in range(len(centers)):
        if count[k] > 0.0:
            for j in range(points.shape[1]):
                centers[k, j] = total[k, j] / count[k]


def spread(points: Floats, centers: Floats) -> float:
    """Inertia: the sum over the points of the squared distance to the closest centre."""
    return float(owned(points, centers)[1].sum())


class LeastNeeded(NamedTuple):
    """The centre that points can best do without; see `least_needed`.

    Attributes
    ----------
    number
        Which one it is.
    without, least
        Per point, the square of how far the closest centre is, without that one and with all.
    """

    number: int
    without: Floats
    least: Floats


def least_needed(points: Floats, centers: Floats) -> LeastNeeded:
    """The centre without which the spread of the points grows least."""
    squared, least = squares(points, centers), np.empty(len(points))
    _without_each(squared, least)
    number = int(np.argmin([without.sum() for without in squared]))
    return LeastNeeded(number, squared[number], least)


@compiled
def _without_each(squared: Floats, least: Floats) -> None:
    """Fill `least` with the least of every column, and put into every place the least of the rest of its column."""
    second = np.full(len(least), np.inf)
    least[:] = np.inf
    for k in range(len(squared)):
        for n in range(len(least)):
            second[n] = min(second[n], max(least[n], squared[k, n]))
            least[n] = min(least[n], squared[k, n])
    for k in range(len(squared)):
        for n in range(len(least)):
            squared[k, n] = second[n] if squared[k, n] == least[n] else least[n]
