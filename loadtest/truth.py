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


def in_turn(before: Truth, after: Truth) -> Truth:
    """The truth after one traffic and then another.

    >>> from loadtest.traffic import TrafficSettings
    >>> once = truth_of(Traffic(TrafficSettings(records=1000)))
    >>> twice = in_turn(once, once)
    >>> twice.accepted, twice.users == once.users, bool((twice.counts == 2 * once.counts).all())
    (1960, True, True)
    """
    users = list(dict.fromkeys([*before.users, *after.users]))
    number = {user: n for n, user in enumerate(users)}
    counts, spend = np.zeros((len(users), len(EVENT_TYPES)), np.int64), np.zeros(len(users))
    first_seen, last_seen = np.full(len(users), np.iinfo(np.int64).max), np.zeros(len(users), np.int64)
    for part in (before, after):
        place = np.array([number[user] for user in part.users], np.int64)
        counts[place] += part.counts
        spend[place] += part.spend
        first_seen[place] = np.minimum(first_seen[place], part.first_seen)
        last_seen[place] = np.maximum(last_seen[place], part.last_seen)
    reasons = [*before.rejected, *after.rejected]
    return Truth(
        users=users,
        counts=counts,
        spend=spend,
        first_seen=first_seen,
        last_seen=last_seen,
        accepted=before.accepted + after.accepted,
        duplicates=before.duplicates + after.duplicates,
        rejected={reason: before.rejected.get(reason, 0) + after.rejected.get(reason, 0) for reason in reasons},
    )
