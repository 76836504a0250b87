"""The slow obvious versions of similarity, trending and recommendation, in plain Python on names.

Written from the docstrings of `online_models`, so that the kernels have something to be wrong against. The slow
version of the fold that feeds them is in `tests.models.shopper_oracle`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import floor, fsum, log2
from typing import Any, NamedTuple, cast

import numpy as np
from river import cluster, preprocessing

from online_models.compiled import Floats
from online_models.event_time import DAY_MS
from online_models.increments import ACTION, FIRST_IN_SESSION
from online_models.standard_scaler import StandardScaler


class Increment(NamedTuple):
    """One increment, with the items by name; see `online_models.similarity.Increments`."""

    row: str
    neighbour: str
    weight: float
    kind: int
    ts: int


class Similar(NamedTuple):
    """How similar a neighbour is, in how many sessions both occurred, and how many increments it had."""

    score: float
    support: int
    increments: int

    @property
    def tolerance(self) -> float:
        """How far off a score may be: it has six decimals, and every increment is rounded by up to 2^-23.

        To leave one out would be a thousand times that, for all but thousands of increments.
        """
        return 0.6e-6 + self.score * (1e-9 + self.increments * 2.0**-23)


def similar_items(
    increments: Iterable[Increment], half_life_days: float = 90.0, damping: float = 0.2
) -> dict[str, dict[str, Similar]]:
    """Per item its neighbours, by w(a, b) / ((n(a) + 5)^(1 - damping) · d(b)^damping)."""
    every = list(increments)
    now = max(increment.ts for increment in every)
    meetings = [told for told in every if told.kind != ACTION and told.row != told.neighbour]
    usual = _received(meetings, now, half_life_days)
    lately = _received(meetings, now, 1.0)
    met: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    acted: defaultdict[str, list[float]] = defaultdict(list)
    support: Counter[tuple[str, str]] = Counter()
    for row, neighbour, weight, kind, ts in every:
        decayed = weight * 0.5 ** ((now - ts) / (half_life_days * DAY_MS))
        if kind == ACTION:
            acted[row].append(decayed)
        elif row != neighbour:
            met[row, neighbour].append(decayed)
            support[row, neighbour] += kind == FIRST_IN_SESSION
    lists: defaultdict[str, dict[str, Similar]] = defaultdict(dict)
    largest: defaultdict[str, float] = defaultdict(float)
    for (row, _), weights in met.items():
        largest[row] = max(largest[row], fsum(weights))
    ever, late = fsum(usual.values()), fsum(lately.values())
    for (row, neighbour), weights in met.items():
        n, r = fsum(acted[row]), usual[neighbour]
        if n > 0.0 and r > 0.0 and fsum(weights) > 0.0:
            n = max(n, largest[row] / 4)
            expected = r / ever * late
            demand = r * (expected + 3.0) / (lately[neighbour] + 3.0)
            score = fsum(weights) / ((n + 5.0 * min(n, 1.0)) ** (1.0 - damping) * demand**damping)
            lists[row][neighbour] = Similar(score, support[row, neighbour], len(weights))
    return lists


def _received(meetings: Iterable[Increment], now: int, half_life_days: float) -> dict[str, float]:
    """Per item what it received as a neighbour, with this half-life."""
    received: defaultdict[str, list[float]] = defaultdict(list)
    for told in meetings:
        received[told.neighbour].append(told.weight * 0.5 ** ((now - told.ts) / (half_life_days * DAY_MS)))
    return {item: fsum(weights) for item, weights in received.items()}


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
    session: Collection[str],
    returns: Mapping[str, float],
    similar: Mapping[str, Mapping[str, float]],
    unwanted: Collection[str],
    trending: Sequence[Sequence[str]],
    length: int = 20,
    step_weight: float = 0.4,
) -> list[Recommended]:
    """The list for a shopper whose newest items are `recent`, the newest first, of which `session` are of this session.

    `returns` holds the chances that the shopper comes back to an item, `similar` for each item the similarity of others
    to it; `trending` the lists that fill up.
    """
    votes: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for steps, voter in enumerate(recent):
        for item, similarity in similar.get(voter, {}).items():
            if item not in unwanted and similarity > 0.0:
                vote = float(np.float32(similarity ** (2 / 3)))  # as it is kept
                votes[item].append((vote * (steps + 1) ** log2(step_weight), voter))
    chances = {item: chance for item, chance in returns.items() if item not in unwanted}
    sums = {
        item: fsum(vote for vote, _ in gains) ** 1.5 * (0.1 if item in session else 1.0)
        for item, gains in votes.items()
    }
    rest, whole = max(0.05, 1.0 - fsum(chances.values())), fsum(sums.values())
    parts = {item: [(rest * total / whole, "")] for item, total in sums.items()}
    reasons = {
        item: (rest / whole * vote**1.5 * (0.1 if item in session else 1.0), voter)
        for item, gains in votes.items()
        for vote, voter in [max(gains, key=lambda gain: gain[0])]
    }
    for item, chance in chances.items():
        parts.setdefault(item, []).append((chance, item))
        reasons[item] = max(reasons.get(item, (0.0, item)), (chance, item), key=lambda part: part[0])
    totals = {item: floor(1e6 * fsum(gain for gain, _ in gains) + 0.5) / 1e6 for item, gains in parts.items()}
    ranked = sorted((item for item in totals if totals[item] > 0.0), key=lambda item: (-totals[item], item))
    chosen = [Recommended(item, totals[item], reasons[item][1]) for item in ranked]
    for item in (item for fillers in trending for item in fillers):
        if item not in unwanted and item not in ranked:
            chosen.append(Recommended(item, None, None))
            ranked.append(item)
    return chosen[:length]


def rivers_scaler(scaler: StandardScaler) -> Any:
    """River's scaler after the same rows; its keys are the numbers of the columns."""
    return cast(Any, preprocessing).StandardScaler._from_state(
        counts=dict.fromkeys(range(len(scaler.means)), scaler.count),
        means=dict(enumerate(scaler.means.tolist())),
        vars=dict(enumerate(scaler.variances.tolist())),
    )


def rivers_k_means(centers: Floats, step: float = 0.01) -> Any:
    """River's K-means with these centres; its keys are the numbers of the columns."""
    model = cast(Any, cluster).KMeans(n_clusters=len(centers), halflife=step)
    for number, center in enumerate(centers.tolist()):
        model.centers[number].update(enumerate(center))
    return model
