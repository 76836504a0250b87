"""The slow obvious versions of similarity, trending and recommendation, in plain Python on names.

Written from the docstrings of `online_models`, so that the kernels have something to be wrong against. The slow
version of the fold that feeds them is in `tests.models.shopper_oracle`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import fsum
from typing import NamedTuple

from online_models.similarity import ACTION, DAY_MS, FIRST_IN_SESSION


class Increment(NamedTuple):
    """One increment, with the items by name; see `online_models.similarity.Increments`."""

    row: str
    neighbour: str
    weight: float
    kind: int
    ts: int


class Similar(NamedTuple):
    """How similar a neighbour is, and in how many sessions both occurred."""

    score: float
    support: int


def similar_items(
    increments: Iterable[Increment], half_life_days: float = 30.0, damping: float = 0.2
) -> dict[str, dict[str, Similar]]:
    """Per item its neighbours, by w(a, b) / (n(a)^(1 - damping) · r(b)^damping)."""
    every = list(increments)
    now = max(increment.ts for increment in every)
    met: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    acted: defaultdict[str, list[float]] = defaultdict(list)
    received: defaultdict[str, list[float]] = defaultdict(list)
    support: Counter[tuple[str, str]] = Counter()
    for row, neighbour, weight, kind, ts in every:
        decayed = weight * 0.5 ** ((now - ts) / (half_life_days * DAY_MS))
        if kind == ACTION:
            acted[row].append(decayed)
            continue
        met[row, neighbour].append(decayed)
        received[neighbour].append(decayed)
        support[row, neighbour] += kind == FIRST_IN_SESSION
    lists: defaultdict[str, dict[str, Similar]] = defaultdict(dict)
    for (row, neighbour), weights in met.items():
        n, r = fsum(acted[row]), fsum(received[neighbour])
        if n > 0.0 and r > 0.0:
            score = fsum(weights) / (n ** (1.0 - damping) * r**damping)
            lists[row][neighbour] = Similar(score, support[row, neighbour])
    return lists


def trending_shares(actions: Iterable[tuple[str, float, int]], half_life_hours: float = 6.0) -> dict[str, float]:
    """Of actions (item, weight, ts): the share of each item in all decayed weight."""
    every = list(actions)
    now = max(ts for _, _, ts in every)
    decayed: defaultdict[str, list[float]] = defaultdict(list)
    for item, weight, ts in every:
        decayed[item].append(weight * 0.5 ** ((now - ts) / (half_life_hours * 3_600_000)))
    total = fsum(fsum(weights) for weights in decayed.values())
    return {item: fsum(weights) / total for item, weights in decayed.items()}


class Recommended(NamedTuple):
    """One entry of a list; `because` and `score` are None for a filler."""

    item: str
    score: float | None
    because: str | None


def recommend(
    recent: Sequence[str],
    similar: Mapping[str, Mapping[str, float]],
    unwanted: Collection[str],
    trending: Sequence[Sequence[str]],
    length: int = 20,
    step_weight: float = 0.5,
) -> list[Recommended]:
    """The list for a shopper whose newest items are `recent`, the newest first.

    `similar` holds for each item the similarity of others, and of itself, to it; `trending` the lists that fill up.
    """
    votes: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for steps, voter in enumerate(recent):
        for item, similarity in similar.get(voter, {}).items():
            votes[item].append((similarity * step_weight**steps, voter))
    totals = {item: round(sum(gain for gain, _ in gains), 6) for item, gains in votes.items() if item not in unwanted}
    ranked = sorted((item for item in totals if totals[item] > 0.0), key=lambda item: (-totals[item], item))
    chosen = [Recommended(item, totals[item], max(votes[item], key=lambda vote: vote[0])[1]) for item in ranked]
    for item in (item for fillers in trending for item in fillers):
        if item not in unwanted and item not in ranked:
            chosen.append(Recommended(item, None, None))
            ranked.append(item)
    return chosen[:length]
