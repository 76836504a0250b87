"""Everyone has been here once: the state of a large shop, without the traffic that it took to become one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from loadtest.traffic import Traffic
from streams.sources.record import Record

_DAY_MS: Final = 86_400_000
#: Long enough for almost all of these visits to be over when the others begin.
_SPREAD_MS: Final = 20 * _DAY_MS
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
    count, users, items = preload_size(traffic), traffic.user_names, traffic.item_names
    start = traffic.settings.shop.start_ms - _SPREAD_MS - _DAY_MS
    for n in range(count):
        user, item, ts = users[n % len(users)], items[n % len(items)], start + n * _SPREAD_MS // count
        yield Record(user, _VALUE % (n, user, item, ts), False, ts)
