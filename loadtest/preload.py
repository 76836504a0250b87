"""Everyone has been here once: the state of a large shop, without the traffic that it took to become one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from loadtest.traffic import Traffic
from loadtest.truth import Truth
from online_models.compiled import Int64s
from online_models.event_time import DAY_MS
from online_models.events import EVENT_TYPES, VIEW
from streams.sources.record import Record

#: Long enough for almost all of these visits to be over when the others begin.
_SPREAD_MS: Final = 20 * DAY_MS
_VALUE: Final = b'{"event_id":"p-%d","type":"view","user_id":"%b","item_id":"%b","ts":%d,"price":9.90}'


def preload_size(traffic: Traffic) -> int:
    """How many records make every shopper and every item of the shop known."""
    return max(len(traffic.user_names), len(traffic.item_names))


def preload(traffic: Traffic) -> Iterator[Record]:
    """One view each, before the first event of the traffic; every item is looked at, and by every shopper one.

    >>> from loadtest.shoppers import ShopperSettings
    >>> from loadtest.traffic import TrafficSettings
    >>> traffic = Traffic(TrafficSettings(100, shop=ShopperSettings(users=50, items=40)))
    >>> records = list(preload(traffic))
    >>> len(records) == preload_size(traffic), len({record.key for record in records})
    (True, 50)
    """
    users, items = traffic.user_names, traffic.item_names
    for n, ts in enumerate(_times(traffic).tolist()):
        user, item = users[n % len(users)], items[n % len(items)]
        yield Record(user, _VALUE % (n, user, item, ts), False, ts)


def truth_of_preload(traffic: Traffic) -> Truth:
    """What has to be known after that.

    >>> from loadtest.shoppers import ShopperSettings
    >>> from loadtest.traffic import TrafficSettings
    >>> truth = truth_of_preload(Traffic(TrafficSettings(100, shop=ShopperSettings(users=40, items=50))))
    >>> len(truth.users), truth.accepted, int(truth.counts.sum()), int((truth.last_seen > truth.first_seen).sum())
    (40, 50, 50, 10)
    """
    ts, users = _times(traffic), len(traffic.user_names)
    user = np.arange(len(ts)) % users
    counts = np.zeros((users, len(EVENT_TYPES)), np.int64)
    counts[:, VIEW] = np.bincount(user, minlength=users)
    last_seen = np.zeros(users, np.int64)
    np.maximum.at(last_seen, user, ts)
    names = [name.decode() for name in traffic.user_names]
    return Truth(names, counts, np.zeros(users), ts[:users], last_seen, len(ts), 0, {})


def _times(traffic: Traffic) -> Int64s:
    count = preload_size(traffic)
    start = traffic.settings.shop.start_ms - _SPREAD_MS - DAY_MS
    times: Int64s = start + np.arange(count) * _SPREAD_MS // count
    return times
