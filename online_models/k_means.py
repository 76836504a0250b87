"""The parts of K-means: distances, k-means++ starts, Lloyd's rounds, and River's step towards each point."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Floats, Int64s, compiled

Bools = NDArray[np.bool_]

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


def squares(points: Floats, centers: Floats) -> Floats:
    """Squared distance of every centre (rows) to every point (columns), the same bits for any set of points."""
    total = np.zeros((len(centers), len(points)))
    for column in range(points.shape[1]):
        total += (points[:, column] - centers[:, column, None]) ** 2
    return total


def nearest(points: Floats, centers: Floats) -> Int64s:
    """The index of the closest centre for each point; the lower index if two are equally close."""
    return np.asarray(squares(points, centers).argmin(axis=0), dtype=np.int64)


def next_center(points: Floats, centers: Floats, rng: np.random.Generator) -> tuple[Floats, float]:
    """Choose one more centre among `points` by greedy k-means++; also tells the spread that is left with it.

    Eight candidates are drawn, likelier the further from all centres, and the one that helps most wins. A
    lone outlier is far away but helps nobody else, so it seldom does.
    """
    now = squares(points, centers).min(axis=0, initial=np.inf)
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
            centers = np.vstack([centers, next_center(points, centers, rng)[0]])
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
        owner = nearest(points, centers)
        count = np.bincount(owner, minlength=len(centers))
        total = np.column_stack([np.bincount(owner, column, len(centers)) for column in points.T])
        centers[count > 0] = total[count > 0] / count[count > 0, None]
    return centers


def spread(points: Floats, centers: Floats) -> float:
    """Inertia: the sum over the points of the squared distance to the closest centre."""
    return float(squares(points, centers).min(axis=0).sum())


def without_least_needed(points: Floats, centers: Floats, rng: np.random.Generator) -> tuple[int, Floats]:
    """Take away the centre that the points can best do without, and put it where k-means++ would put a further one."""
    distances = squares(points, centers)
    left = [np.delete(distances, i, axis=0).min(axis=0).sum() for i in range(len(centers))]
    lost = int(np.argmin(left))
    moved = centers.copy()
    moved[lost], _ = next_center(points, np.delete(centers, lost, axis=0), rng)
    return lost, moved
