"""Plain events, thousands at a time: a scanner for what nearly all events look like.

It takes an event only if it is valid beyond doubt: JSON in ASCII without escapes, known fields of the right type and
range, times in epoch milliseconds or as `2025-01-31T12:34:56.789Z`, flat properties. Everything else, bad events among
it, it leaves to `streams.decoding`; of what it takes, both read the same.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from online_models.compiled import Bytes, Floats, Int32s, Int64s
from online_models.event_columns import ENDS, QUANTITY, ROWS, STARTS, TS, EventColumns
from online_models.spelling import Ids
from online_models.uncounted import uncounted
from online_models.words import is_same
from streams.json_text import MOST_FIELDS, NOWHERE, PADDING, Place, is_literal, literals, space, string
from streams.quick_values import (
    EVENT_ID,
    ITEM_ID,
    KIND,
    NUMBER,
    PRICE,
    PROPERTIES,
    TEXT,
    TIME,
    UNKNOWN,
    USER_ID,
    value,
)

_FIELDS: Final = {
    "event_id": EVENT_ID, "type": KIND, "user_id": USER_ID, "item_id": ITEM_ID, "ts": TIME, "price": PRICE,
    "quantity": NUMBER, "session_id": TEXT, "currency": TEXT, "order_id": TEXT, "properties": PROPERTIES,
}  # fmt: skip
_NAMES: Final = literals(list(_FIELDS))
_MEANING: Final = np.array([*_FIELDS.values(), UNKNOWN])
_REQUIRED: Final = sum(1 << field for field in (EVENT_ID, KIND, USER_ID, ITEM_ID, TIME))
_PADDING: Final = np.frombuffer(PADDING, np.uint8)
#: As the number of a name: none of them, and in front of the first.
_NONE: Final = np.uint64(len(_FIELDS))
_LENGTH: Final = np.uint64(4)
_ONE, _TWO = np.uint64(1), np.uint64(2)
_USER_START, _USER_END = np.uint64(STARTS.start + USER_ID), np.uint64(ENDS.start + USER_ID)
_TS, _QUANTITY = np.uint64(TS), np.uint64(QUANTITY)


class Scanned(NamedTuple):
    """What is found, one place per record.

    Attributes
    ----------
    columns
        The events; what is not plain is empty there.
    time
        Shape (n,): event times in ms, -1 for what is not plain.
    rejected
        Shape (n,): -1; who looks at the others has to say which of them are no events.
    plain
        How many of them are.
    """

    columns: EventColumns
    time: Int64s
    rejected: Int32s
    plain: int


class Scanner:
    """Reads what is plain.

    It expects the fields of an event in the order in which they came before: where they do, a glance at each name
    is enough.

    Parameters
    ----------
    most_bytes
        What is longer is not plain.
    most_future_ms
        Nor is what happens so much after its record's time.
    """

    def __init__(self, most_bytes: int, most_future_ms: int) -> None:
        self.most_bytes = most_bytes
        self.most_future_ms = most_future_ms
        self._next_name = np.zeros(len(_FIELDS) + 1, np.int64)

    def scan(self, values: Ids, keys: Ids, timestamps: Int64s) -> Scanned:
        """Read the values of records, whose keys are the users; both as places in a text, as in `Records`."""
        n = len(timestamps)
        text = np.concatenate([values.text, _PADDING])
        text.flags.writeable = False
        columns = EventColumns(text, np.empty((ROWS, n), np.int64))
        time, rejected = np.empty(n, np.int64), np.empty(n, np.int32)
        plain = _scan(
            text,
            values.starts,
            values.ends,
            *keys,
            timestamps,
            self.most_bytes,
            self.most_future_ms,
            self._next_name,
            columns.whole,
            columns.price,
            time,
            rejected,
        )
        return Scanned(columns, time, rejected, plain)


@uncounted
def _scan(
    text: Bytes,
    starts: Int64s,
    ends: Int64s,
    keys: Bytes,
    key_starts: Int64s,
    key_ends: Int64s,
    timestamps: Int64s,
    most_bytes: int,
    most_future_ms: int,
    next_name: Int64s,
    whole: Int64s,
    price: Floats,
    time: Int64s,
    rejected: Int32s,
) -> int:
    plain = 0
    for number in range(len(starts)):
        n = np.uint64(number)
        start, length, key_length = starts[n], ends[n] - starts[n], key_ends[n] - key_starts[n]
        price[n], whole[_QUANTITY, n] = 0.0, 1
        is_plain = 0 < length <= most_bytes
        is_plain = is_plain and _event(text, np.uint64(start), np.uint64(start + length), next_name, n, whole, price)
        if is_plain:
            user, user_end = whole[_USER_START, n], whole[_USER_END, n]
            is_plain = user_end - user == key_length and is_same(
                text, np.uint64(user), keys, np.uint64(key_starts[n]), np.uint64(key_length)
            )
        is_plain = is_plain and timestamps[n] >= 0 and whole[_TS, n] <= timestamps[n] + most_future_ms
        whole[_TS, n] = min(whole[_TS, n], timestamps[n])
        if not is_plain:
            for row in range(np.uint64(len(whole))):
                whole[row, n] = 0
        time[n], rejected[n] = whole[_TS, n] if is_plain else -1, -1
        plain += is_plain
    return plain


@uncounted
def _event(text: Bytes, at: Place, end: Place, next_name: Int64s, n: np.uint64, whole: Int64s, price: Floats) -> bool:
    """Read one event; False if it is not plain."""
    at = space(text, at)
    if text[at] != 123:  # {
        return False
    at, name, found = at + _ONE, _NONE, 0
    for _ in range(MOST_FIELDS):
        at = space(text, at)
        before, name = name, _name(text, at, np.uint64(next_name[name]))
        next_name[before] = np.int64(name)
        at = string(text, at) if name == _NONE else at + _TWO + _NAMES[name, _LENGTH]
        at = space(text, at) if at != NOWHERE else NOWHERE
        if at == NOWHERE or text[at] != 58:  # :
            return False
        field = _MEANING[name]
        at = value(field, text, space(text, at + _ONE), n, whole, price)
        if at == NOWHERE or at >= end:
            return False
        found |= 1 << field
        at = space(text, at)
        if text[at] != 44:  # ,
            return bool(
                text[at] == 125 and at < end and space(text, at + _ONE) >= end and found & _REQUIRED == _REQUIRED
            )
        at += _ONE
    return False


@uncounted
def _name(text: Bytes, at: Place, expected: np.uint64) -> np.uint64:
    """Which of the names is there in its quotes, or `_NONE`."""
    if text[at] != 34:
        return _NONE
    if expected < _NONE and is_literal(text, at + _ONE, _NAMES, expected):
        return expected
    for number in range(len(_NAMES)):
        name = np.uint64(number)
        if is_literal(text, at + _ONE, _NAMES, name):
            return name
    return _NONE
