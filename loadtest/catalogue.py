"""The shop's items: how popular each is, what it costs, and the hidden cluster of taste it belongs to."""

from __future__ import annotations

import numpy as np

from online_models.compiled import Floats, Int32s


class Catalogue:
    """Items with Zipf popularity, spread evenly over clusters of taste.

    Parameters
    ----------
    items, clusters
        How many; at least one item per cluster.
    exponent
        The n-th most popular item is looked at in proportion to n^-exponent.
    rng
        Where chance comes from.

    Attributes
    ----------
    cluster
        The hidden truth: the cluster of every item.
    cents
        The price of every item in hundredths.
    """

    def __init__(self, items: int, clusters: int, exponent: float, rng: np.random.Generator) -> None:
        self.cluster: Int32s = (rng.permutation(items) % clusters).astype(np.int32)
        self.cents = np.maximum(rng.lognormal(np.log(2500.0), 0.9, items), 50.0).astype(np.int64)
        popularity = np.arange(1, items + 1) ** -exponent
        self._by_cluster: Int32s = np.argsort(self.cluster, kind="stable").astype(np.int32)
        self._cumulative: Floats = np.cumsum(popularity[self._by_cluster])
        ends = np.searchsorted(self.cluster[self._by_cluster], np.arange(clusters), "right")
        self._ends: Floats = np.concatenate([[0.0], self._cumulative[ends - 1]])

    def draw(self, clusters: Int32s, rng: np.random.Generator) -> Int32s:
        """One item of each of these clusters, popular ones more often."""
        low, high = self._ends[clusters], self._ends[clusters + 1]
        places = np.searchsorted(self._cumulative, low + rng.random(len(clusters)) * (high - low), "right")
        drawn: Int32s = self._by_cluster[np.minimum(places, len(self._by_cluster) - 1)]
        return drawn
