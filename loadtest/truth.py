"""What must be in Redis after the engine has seen all records: known from how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loadtest.bad_events import BAD_EVENTS
from loadtest.traffic import Traffic
from online_models.compiled import Floats, Int64s
from online_models.events import EVENT_TYPES, PURCHASE


@dataclass(frozen=True)
class Truth:
    """The counters of everyone.

    Attributes
    ----------
    users
        Ids of the shoppers that came, ascending by number.
    counts
        Shape (users, event types): how often each did what.
    spend
        Per user, the sum of price times quantity over the purchases.
    first_seen, last_seen
        Per user, event times in ms.
    accepted, duplicates, rejected
        How many events count, how many do not because they came before, and how many are set aside for which reason.
    """

    users: list[str]
    counts: Int64s
    spend: Floats
    first_seen: Int64s
    last_seen: Int64s
    accepted: int
    duplicates: int
    rejected: Mapping[str, int]


def truth_of(traffic: Traffic) -> Truth:
    """The truth about records: what one who counts without mistakes counts.

    >>> from loadtest.traffic import TrafficSettings
    >>> truth = truth_of(Traffic(TrafficSettings(records=1000)))
    >>> truth.accepted, truth.duplicates, sum(truth.rejected.values()), int(truth.counts.sum())
    (980, 10, 10, 980)
    """
    visits, source = traffic.visits, traffic.source
    users, user = np.unique(visits.user, return_inverse=True)
    kinds = len(EVENT_TYPES)
    counts = np.bincount(user * kinds + visits.type, minlength=len(users) * kinds).reshape(-1, kinds)
    cents = traffic.shoppers.catalogue.cents[visits.item] * visits.quantity
    spend = np.bincount(user, np.where(visits.type == PURCHASE, cents, 0), len(users)) / 100
    first_seen, last_seen = np.full(len(users), np.iinfo(np.int64).max), np.zeros(len(users), np.int64)
    np.minimum.at(first_seen, user, visits.ts)
    np.maximum.at(last_seen, user, visits.ts)
    rejected: dict[str, int] = {}
    for kind in (-1 - source[source < 0]).tolist():
        rejected[BAD_EVENTS[kind][0]] = rejected.get(BAD_EVENTS[kind][0], 0) + 1
    return Truth(
        users=[traffic.user_names[n].decode() for n in users.tolist()],
        counts=counts.astype(np.int64),
        spend=spend,
        first_seen=first_seen,
        last_seen=last_seen,
        accepted=len(visits),
        duplicates=traffic.settings.duplicates,
        rejected=rejected,
    )
