"""Ways to K-means that see every vector once: upwell's segments, scikit-learn's mini-batches, River's two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final, Protocol

import numpy as np
from river import cluster

from online_models.compiled import Floats
from online_models.features import standardise
from online_models.segments import Segments
from streams.errors import SettingsError

#: Vectors that are learned between two looks at the centres.
BLOCK: Final = 512
#: How many centres everyone gets.
CLUSTERS: Final = 8
#: River's `halflife`. For KMeans .05 and .01 were tried, for STREAMKMeans .5 (River's default) and .05: the better one
#: on most of the recordings, seen afterwards.
_KMEANS_STEP: Final = 0.05
_STREAM_STEP: Final = 0.5
_STREAM_CHUNK: Final = 64


class Contender(Protocol):
    """Learns vectors in order; tells its centres on the common scale."""

    def learn_many(self, vectors: Floats, points: Floats) -> None:
        """Learn a block, as measured and as standardised over the whole recording."""

    def centers(self) -> Floats:
        """The centres, on the scale of the standardised points."""


class _Upwell:
    """The live model. It is given no scale beforehand: it has to find it on the way."""

    def __init__(self, seed: int, features: Sequence[str], means: Floats, scales: Floats) -> None:
        self._model = Segments(CLUSTERS, features, BLOCK, seed=seed)
        self._means, self._scales = means, scales

    def learn_many(self, vectors: Floats, points: Floats) -> None:
        self._model.learn_many(vectors)

    def centers(self) -> Floats:
        in_units = self._model.means + self._model.centers * self._model.scales
        return standardise(in_units, self._means, self._scales)


class _MiniBatch:
    """scikit-learn's `MiniBatchKMeans`, a block at a time; a last block with fewer vectors than centres is left out."""

    def __init__(self, seed: int) -> None:
        self._model = scikit_learn().MiniBatchKMeans(CLUSTERS, random_state=seed, n_init=3)

    def learn_many(self, vectors: Floats, points: Floats) -> None:
        if len(points) >= CLUSTERS:
            self._model.partial_fit(points)

    def centers(self) -> Floats:
        centers: Floats = self._model.cluster_centers_
        return centers


class _River:
    """One of River's, a vector at a time."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._width = 0

    def learn_many(self, vectors: Floats, points: Floats) -> None:
        self._width = points.shape[1]
        for row in points.tolist():
            self._model.learn_one(dict(enumerate(row)))

    def centers(self) -> Floats:
        return np.array([[center[i] for i in range(self._width)] for center in self._model.centers.values()])


def contenders(features: Sequence[str], means: Floats, scales: Floats) -> dict[str, Callable[[int], Contender]]:
    """How to make each of them with a seed; upwell first."""
    river: Any = cluster
    return {
        "upwell": lambda seed: _Upwell(seed, features, means, scales),
        "MiniBatchKMeans": _MiniBatch,
        "River KMeans": lambda seed: _River(river.KMeans(CLUSTERS, halflife=_KMEANS_STEP, seed=seed)),
        "River STREAMKMeans": lambda seed: _River(
            river.STREAMKMeans(chunk_size=_STREAM_CHUNK, n_clusters=CLUSTERS, halflife=_STREAM_STEP, seed=seed)
        ),
    }


def batch_centers(points: Floats) -> Floats:
    """What scikit-learn's `KMeans` finds with all points before it, the best of ten starts."""
    centers: Floats = scikit_learn().KMeans(CLUSTERS, n_init=10, random_state=0).fit(points).cluster_centers_
    return centers


def scikit_learn() -> ModuleType:
    """scikit-learn's clusterings.

    Raises
    ------
    SettingsError
        It is not installed.
    """
    try:
        from sklearn import cluster as clusterings
    except ImportError as error:
        raise SettingsError(
            "segments are compared with scikit-learn, which is not installed: pip install 'upwell[evaluate]'"
        ) from error
    module: ModuleType = clusterings
    return module
