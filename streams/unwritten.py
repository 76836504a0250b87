"""Which fields of its shoppers' profiles a partition has yet to write to Redis: mostly five of fourteen."""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Bytes, Int32s, Int64s, Structs, UInt16s, compiled
from online_models.events import PURCHASE
from online_models.reserve import long_enough
from streams.profiles import ALL, FIELDS, TYPES

#: Fields as bits, the first of them the lowest: those that change with every event, and the money of a purchase.
_ALWAYS: Final = (1 << TYPES) - 1
_SPEND: Final = 1 << FIELDS.index("spend")
#: Sessions are counted from 1: Redis has no whole profile.
_NONE: Final = 0


class Unwritten:
    """Remembers per shopper which fields changed since the profile was written.

    All are to be written with the first event of a session, where a late event made `first_seen` earlier, and where
    this object has not seen the profile written: Redis may have another one then, or none. Otherwise what changed.

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
        self._sessions = np.zeros(0, np.int32)  # the number of the session in which the profile was written whole
        self._types = np.zeros(0, np.uint8)  # of events since it was written, as bits

    def note(self, shopper: Int32s, type_: Int32s, ts: Int64s, records: Structs) -> None:
        """Events were folded: codes of their shoppers (-1 for one that was forgotten since), types, event times in ms.

        `records`, of dtype `SHOPPER`, are those of all shoppers after that.
        """
        self._make_room(len(records))
        _note(shopper, type_, ts, records, self._sessions, self._types)

    def take(self, shopper: Int32s, records: Structs) -> UInt16s:
        """Which `FIELDS` of some shoppers, each with its record, are to be written; from now on they count as written.

        Shoppers are ascending, fields bits, the first field the lowest; `ALL` is for who is to be written whole.
        """
        self._make_room(int(shopper[-1]) + 1 if len(shopper) else 0)
        fields = np.empty(len(shopper), np.uint16)
        _take(shopper, records, self._sessions, self._types, fields)
        return fields

    def _make_room(self, shoppers: int) -> None:
        self._sessions, self._types = long_enough(self._sessions, shoppers), long_enough(self._types, shoppers)


@compiled
def _note(shopper: Int32s, type_: Int32s, ts: Int64s, records: Structs, sessions: Int32s, types: Bytes) -> None:
    for n in range(len(shopper)):
        s = shopper[n]
        if s >= 0:
            types[s] |= 1 << type_[n]
            if ts[n] <= records[s].first_seen:  # an event that came late made it earlier
                sessions[s] = _NONE


@compiled
def _take(shopper: Int32s, records: Structs, sessions: Int32s, types: Bytes, fields: UInt16s) -> None:
    for n in range(len(shopper)):
        s, session = shopper[n], records[n].sessions
        changed = _ALWAYS | types[s] << TYPES | _SPEND * (types[s] >> PURCHASE & 1)
        fields[n] = changed if sessions[s] == session else ALL
        sessions[s], types[s] = session, 0
