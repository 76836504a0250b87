"""What all baselines have in common."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from typing import Protocol

from online_models.visits import Visit


class Baseline(Protocol):
    """A recommender that learns action by action."""

    def learn_one(self, visit: Visit, item: str) -> None:
        """Learn that `item` came next in this session; `visit` does not hold it yet."""

    def predict_one(self, visit: Visit) -> Mapping[str, float]:
        """Scores of what may come next, all above 0; higher is more likely."""


def ranked(scores: Mapping[str, float], length: int, skip: Collection[str] = ()) -> list[tuple[str, float]]:
    """The best items and their scores, without those to skip; equal scores in the order of ids.

    >>> ranked({"lamp": 1, "bulb": 2, "sofa": 2, "desk": 9}, 2, skip=["desk"])
    [('bulb', 2), ('sofa', 2)]
    """
    candidates = ((-score, item) for item, score in scores.items() if item not in skip)
    return [(item, -score) for score, item in heapq.nsmallest(length, candidates)]
