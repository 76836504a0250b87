"""A shop whose taste changes half way: from one moment on, other items go together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from loadtest.shoppers import Shoppers, ShopperSettings, Visits
from online_models.compiled import Int32s, Int64s
from online_models.events import EVENT_TYPES, IMPRESSION, Event


@dataclass(frozen=True)
class ChangedTaste:
    """A stream of events, in order of event time, and the truth about it.

    At `changed_at` every item takes the place of another in the clusters of taste, one that is about as popular; what
    shoppers like and how they behave stays.

    Attributes
    ----------
    events
        The stream.
    changed_at
        Event time of the change, in ms.
    old, new
        The cluster of every item before the change and after it; item `i7` has number 7.
    asked
        Numbers of the events after which a list is looked at.
    following
        For each of them, the number of the event that comes next in the same visit on another item.
    """

    events: list[Event]
    changed_at: int
    old: Int32s
    new: Int32s
    asked: Int64s
    following: Int64s


def changed_taste(shop: ShopperSettings, events: int, every: int) -> ChangedTaste:
    """Half of `events` before the change and half after it; a list is looked at after one event in `every`.

    Items are numbered by popularity; at the change the first swaps places with the second, the third with the fourth,
    and so on. So there is as much to be known of the new taste as of the old one.
    """
    shoppers = Shoppers(shop)
    visits = shoppers.visits(events)
    changed_at = int(visits.ts[events // 2])
    partner = np.minimum(np.arange(shop.items) ^ 1, shop.items - 1)
    item = np.where(visits.ts < changed_at, visits.item, partner[visits.item]).astype(np.int32)
    visits = replace(visits, item=item)
    following = _following(visits)
    asked = np.flatnonzero(following >= 0)
    asked = asked[asked % every == 0]
    old = shoppers.catalogue.cluster
    return ChangedTaste(_events(visits), changed_at, old, old[partner], asked, following[asked])


def _events(visits: Visits) -> list[Event]:
    columns = (visits.user, visits.item, visits.type, visits.ts)
    rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    return [
        Event(f"e{n}", EVENT_TYPES[kind], f"u{user}", f"i{item}", ts) for n, (user, item, kind, ts) in enumerate(rows)
    ]


def _following(visits: Visits) -> Int64s:
    """Per event the number of the next one of its visit, if that is on another item; -1 if not, or after the last."""
    places = np.flatnonzero(visits.type != IMPRESSION)
    order = places[np.argsort(visits.visit[places], kind="stable")]
    this, then = order[:-1], order[1:]
    goes_on = (visits.visit[this] == visits.visit[then]) & (visits.item[this] != visits.item[then])
    following = np.full(len(visits), -1, np.int64)
    following[this[goes_on]] = then[goes_on]
    return following
