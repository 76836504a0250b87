"""What of the profiles of a partition's shoppers Redis has yet to be told: mostly two or three of a dozen counters."""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Bytes, Int32s, Int64s, Structs, UInt16s, compiled
from online_models.events import EVENT_TYPES, PURCHASE
from online_models.reserve import long_enough
from streams.profiles import ALL, FIELDS

#: Fields as bits, the first of them the lowest: those that change with every event, and money.
_TYPES: Final = FIELDS.index(EVENT_TYPES[0])
_ALWAYS: Final = (1 << _TYPES) - 1
_SPEND: Final = 1 << FIELDS.index("spend")
#: No number of a visit: Redis has no whole profile.
_NONE: Final = 0


class Unwritten:
    """Remembers per shopper which counters changed since the profile was written.

    A profile is written whole with the first event of a visit, and where this worker never wrote it: Redis may have
    one then that somebody else wrote, or none any more. In between only what changed is.

    >>> from online_models.events import CLICK, VIEW
    >>> from online_models.shoppers import blank
    >>> ada, records, unwritten = np.zeros(1, np.int32), blank(1), Unwritten()
    >>> records["sessions"] = 1
    >>> for number, kind in enumerate([VIEW, VIEW, CLICK], 1):
    ...     unwritten.note(ada, np.array([kind]), np.array([number]), records)
    ...     (fields,) = unwritten.take(ada, records)
    ...     print([name for place, name in enumerate(FIELDS) if fields >> place & 1][-3:])
    ['spend', 'sessions', 'first_seen']
    ['propensity', 'segment', 'view']
    ['propensity', 'segment', 'click']
    """

    def __init__(self) -> None:
        self._visits = np.zeros(0, np.int32)  # the number of the visit in which the profile was written whole
        self._types = np.zeros(0, np.uint8)  # of events since it was written, as bits

    def note(self, shopper: Int32s, type_: Int32s, ts: Int64s, records: Structs) -> None:
        """Events were folded into the records, which are of dtype `SHOPPER` and those of all shoppers."""
        self._visits = long_enough(self._visits, len(records))
        self._types = long_enough(self._types, len(records))
        _note(shopper, type_, ts, records, self._visits, self._types)

    def take(self, shopper: Int32s, records: Structs) -> UInt16s:
        """Which `FIELDS` of some shoppers, each with its record, are to be written; from now on they count as written.

        Shoppers are ascending, fields bits, the first field the lowest; `ALL` is for who is to be written whole.
        """
        self._visits = long_enough(self._visits, int(shopper[-1]) + 1 if len(shopper) else 0)
        self._types = long_enough(self._types, len(self._visits))
        fields = np.empty(len(shopper), np.uint16)
        _take(shopper, records, self._visits, self._types, fields)
        return fields

    def forget(self, shopper: Int32s) -> None:
        """Have some shoppers written whole the next time, as Redis may have lost them."""
        self._visits[shopper[shopper < len(self._visits)]] = _NONE


@compiled
def _note(shopper: Int32s, type_: Int32s, ts: Int64s, records: Structs, visits: Int32s, types: Bytes) -> None:
    for n in range(len(shopper)):
        s = shopper[n]
        if s >= 0:
            types[s] |= 1 << type_[n]
            if ts[n] <= records[s].first_seen:  # an event that came late made it earlier
                visits[s] = _NONE


@compiled
def _take(shopper: Int32s, records: Structs, visits: Int32s, types: Bytes, fields: UInt16s) -> None:
    for n in range(len(shopper)):
        s, visit = shopper[n], records[n].sessions
        fields[n] = ALL if visits[s] != visit else _ALWAYS | types[s] << _TYPES | _SPEND * (types[s] >> PURCHASE & 1)
        visits[s], types[s] = visit, 0
