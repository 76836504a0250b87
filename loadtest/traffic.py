"""What reaches Kafka: the shoppers' events as bytes, some of them twice, and bad ones in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.bad_events import BAD_EVENTS, bad_value
from loadtest.shoppers import Shoppers, ShopperSettings, Visits
from online_models.compiled import Int64s
from online_models.events import EVENT_TYPES, PURCHASE
from streams.errors import SettingsError
from streams.sources.record import Record

#: A duplicate comes at most so many events after the original; upwell remembers far more ids than that.
_DUPLICATE_REACH: Final = 10_000
_CHUNK: Final = 8192
_TYPES: Final = [name.encode() for name in EVENT_TYPES]
_VALUE: Final = (
    b'{"event_id":"%b-%d","type":"%b","user_id":"%b","item_id":"%b","session_id":"s%d","ts":%d,'
    b'"price":%d.%02d,"quantity":%d}'
)


@dataclass(frozen=True)
class TrafficSettings:
    """How many records there are and how many of them are of no use.

    Attributes
    ----------
    records
        Records in all.
    duplicate_share, bad_share
        Which part of them are events sent a second time, and events that have to be rejected.
    run
        Begins every event id, so that two runs against the same servers do not share any.
    shop
        Who visits and looks at what.
    """

    records: int
    duplicate_share: float = 0.01
    bad_share: float = 0.01
    run: str = "e"
    shop: ShopperSettings = field(default_factory=ShopperSettings)

    def __post_init__(self) -> None:
        if min(self.duplicate_share, self.bad_share) < 0 or not self.unique > 0:
            raise SettingsError(
                f"{self.records} records, of which {self.duplicate_share:g} are duplicates and {self.bad_share:g} "
                "bad, leave no good event: ask for more, or for smaller shares."
            )

    @property
    def duplicates(self) -> int:
        """How many records are duplicates."""
        return round(self.records * self.duplicate_share)

    @property
    def bad(self) -> int:
        """How many records are bad."""
        return round(self.records * self.bad_share)

    @property
    def unique(self) -> int:
        """How many records are good and come for the first time."""
        return self.records - self.duplicates - self.bad


class Traffic:
    """Records in the order they are sent.

    Attributes
    ----------
    visits
        The good events; their times may be replaced before the records are taken.
    source
        Per record the number of the good event it is, or -1 - k for a bad one of kind k.
    first
        Per record, whether it is a good event that comes for the first time.

    >>> traffic = Traffic(TrafficSettings(records=100, bad_share=0.05))
    >>> next(traffic.records()).value[:26]
    b'{"event_id":"e-0","type":"'
    """

    def __init__(self, settings: TrafficSettings) -> None:
        self.settings = settings
        self.shoppers = Shoppers(settings.shop)
        self.visits: Visits = self.shoppers.visits(settings.unique)
        self.user_names = [b"u%d" % n for n in range(settings.shop.users)]
        self.item_names = [b"i%d" % n for n in range(settings.shop.items)]
        self.source, self.first = _mixed(settings, np.random.default_rng([settings.shop.seed, 2]))

    def __len__(self) -> int:
        return len(self.source)

    def records(self) -> Iterator[Record]:
        """All records; the same ones each time."""
        for start in range(0, len(self), _CHUNK):
            yield from self._chunk(start, self.source[start : start + _CHUNK])

    def _chunk(self, start: int, source: Int64s) -> Iterator[Record]:
        visits, chosen = self.visits, np.maximum(source, 0)
        cents = self.shoppers.catalogue.cents[visits.item[chosen]]
        run, users, items = self.settings.run.encode(), self.user_names, self.item_names
        columns = (
            source, visits.type[chosen], visits.user[chosen], visits.item[chosen], visits.visit[chosen],
            visits.ts[chosen], cents // 100, cents % 100, visits.quantity[chosen],
        )  # fmt: skip
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for number, (n, kind, user, item, visit, ts, whole, cent, quantity) in enumerate(rows, start):
            name = users[user]
            if n < 0:
                name = users[number % len(users)]
                yield Record(name, bad_value(-1 - n, name, number), False, None)
                continue
            value = _VALUE % (run, n, _TYPES[kind], name, items[item], visit, ts, whole, cent, quantity)
            yield Record(name, value, kind == PURCHASE, ts)


def _mixed(settings: TrafficSettings, rng: np.random.Generator) -> tuple[Int64s, NDArray[np.bool_]]:
    """See `Traffic.source` and `Traffic.first`; the first record is always good."""
    new, again, bad = 0, 1, 2
    what = np.repeat([new, again, bad], [settings.unique - 1, settings.duplicates, settings.bad])
    what = np.concatenate([[new], rng.permutation(what)])
    newest = np.cumsum(what == new) - 1
    back = rng.integers(0, _DUPLICATE_REACH, len(what))
    kind = rng.integers(0, len(BAD_EVENTS), len(what))
    source = np.select([what == new, what == again], [newest, np.maximum(newest - back, 0)], -1 - kind)
    return source.astype(np.int64), what == new
