"""Synthetic shoppers with a hidden ground truth: who visits when, and looks at what because of which taste."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from loadtest.catalogue import Catalogue
from online_models.compiled import Int8s, Int32s, Int64s
from online_models.events import EVENT_TYPES, IMPRESSION, PURCHASE, VIEW
from streams.errors import SettingsError

#: How often each event type comes, in the order of `EVENT_TYPES`.
SHARES: Final = (0.03, 0.90, 0.02, 0.005, 0.025, 0.005, 0.015)
#: How much a shopper likes the first, second, … of the clusters that are to the shopper's taste.
_LIKING: Final = np.array([0.6, 0.3, 0.1])
#: Pauses stay below the gap at which upwell ends a session.
_LONGEST_PAUSE_SECONDS: Final = 1200.0


@dataclass(frozen=True)
class ShopperSettings:
    """What the shop and its visitors are like.

    Attributes
    ----------
    seed
        The same seed makes the same visits, to the byte.
    users, items, clusters
        How many shoppers, items, and clusters of taste.
    zipf_exponent
        The n-th most popular item is looked at in proportion to n^-zipf_exponent.
    stay
        The chance that the next item of a visit is in the cluster of the one before.
    visit_events, pause_seconds
        Mean length of a visit, and mean pause between two events of it, in event time.
    events_per_second
        How busy the shop is, in event time: 20 make 1.7 million events a day.
    start_ms
        Event time of the first visit.
    """

    seed: int = 1
    users: int = 50_000
    items: int = 10_000
    clusters: int = 40
    zipf_exponent: float = 1.0
    stay: float = 0.9
    visit_events: float = 8.0
    pause_seconds: float = 30.0
    events_per_second: float = 20.0
    start_ms: int = 1_735_689_600_000

    def __post_init__(self) -> None:
        if min(self.users, self.clusters) < 1 or self.items < self.clusters:
            raise SettingsError(
                f"{self.users} users and {self.items} items in {self.clusters} clusters are no shop: "
                "take at least one user, one cluster, and one item per cluster."
            )


@dataclass(frozen=True)
class Visits:
    """Events as columns, ordered by event time.

    Attributes
    ----------
    user, item
        Numbers of the shopper and the item.
    type
        Position in `EVENT_TYPES`.
    ts
        Event time in ms.
    visit
        Number of the visit.
    quantity
        Pieces: 1 to 3 for a purchase, else 1.
    """

    user: Int32s
    item: Int32s
    type: Int8s
    ts: Int64s
    visit: Int32s
    quantity: Int8s

    def __len__(self) -> int:
        return len(self.ts)


class Shoppers:
    """Visits to a shop.

    Every shopper likes a few clusters. A visit begins in one of them and mostly stays there; what goes into the cart
    or is bought is the item looked at last. Some shoppers come far more often than others.

    >>> shoppers = Shoppers(ShopperSettings(users=10, items=20, clusters=4))
    >>> visits = shoppers.visits(1000)
    >>> len(visits), bool((np.diff(visits.ts) >= 0).all())
    (1000, True)
    """

    def __init__(self, settings: ShopperSettings) -> None:
        self.settings = settings
        rng = np.random.default_rng([settings.seed, 0])
        self.catalogue = Catalogue(settings.items, settings.clusters, settings.zipf_exponent, rng)
        self.tastes: Int32s = rng.integers(0, settings.clusters, (settings.users, len(_LIKING)), np.int32)
        self._activity = np.cumsum(rng.lognormal(0.0, 1.0, settings.users))

    def visits(self, events: int) -> Visits:
        """The first so many events."""
        settings, rng = self.settings, np.random.default_rng([self.settings.seed, 1])
        count = int(1.1 * events / settings.visit_events) + 200
        lengths = rng.geometric(1.0 / settings.visit_events, count)
        visit = np.repeat(np.arange(count, dtype=np.int32), lengths)
        is_first = np.concatenate([[True], np.diff(visit) > 0])
        place = rng.random(count) * self._activity[-1]
        user = np.searchsorted(self._activity, place).astype(np.int32)[visit]
        kind = self._types(is_first, rng)
        item = self._items(user, is_first, kind, rng)
        quantity = np.where(kind == PURCHASE, rng.integers(1, 4, len(kind)), 1).astype(np.int8)
        ts = self._times(lengths, is_first, rng)
        first = np.argsort(ts, kind="stable")[:events]
        return Visits(user[first], item[first], kind[first], ts[first], visit[first], quantity[first])

    def _types(self, is_first: np.ndarray, rng: np.random.Generator) -> Int8s:
        kind = rng.choice(len(EVENT_TYPES), len(is_first), p=SHARES).astype(np.int8)
        return np.where(is_first, np.int8(VIEW), kind)

    def _items(self, user: Int32s, is_first: np.ndarray, kind: Int8s, rng: np.random.Generator) -> Int32s:
        """A view or an impression is of a new item, anything else is done to the item before."""
        moves = is_first | (rng.random(len(user)) > self.settings.stay)
        liked = rng.choice(len(_LIKING), len(user), p=_LIKING)
        cluster = self.tastes[user, liked][_latest(moves)]
        is_new = is_first | (kind == VIEW) | (kind == IMPRESSION)
        return self.catalogue.draw(cluster, rng)[_latest(is_new)]

    def _times(self, lengths: Int64s, is_first: np.ndarray, rng: np.random.Generator) -> Int64s:
        settings = self.settings
        seconds_between_visits = settings.visit_events / settings.events_per_second
        starts = np.cumsum(rng.exponential(seconds_between_visits, len(lengths)))
        pauses = np.minimum(rng.exponential(settings.pause_seconds, len(is_first)), _LONGEST_PAUSE_SECONDS)
        passed = np.cumsum(np.where(is_first, 0.0, pauses))
        seconds = np.repeat(starts - passed[np.flatnonzero(is_first)], lengths) + passed
        ts: Int64s = settings.start_ms + (1000 * seconds).astype(np.int64)
        return ts


def _latest(marks: np.ndarray) -> Int64s:
    """For each place the latest one up to it that is marked; the first one has to be."""
    return np.maximum.accumulate(np.where(marks, np.arange(len(marks)), 0))
