"""Profiles as `user:` hashes: what is counted of each shopper and what the models make of it, packed for Redis."""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Bytes, Floats, Int32s, Int64s, Structs, UInt16s, compiled
from online_models.events import EVENT_TYPES
from online_models.shopper_records import Shopper
from online_models.spelling import Spelling
from online_models.uncounted import uncounted
from streams.number_text import put_bytes, put_integer, put_millionths

#: Of a `user:` hash, those that change with every event first: Redis looks for them from the beginning. Left out are
#: counts and money of nothing, and propensity and segment where no model can tell.
FIELDS: Final = (
    "events", "last_seen", "propensity", "segment", *EVENT_TYPES, "spend", "sessions", "first_seen",
)  # fmt: skip
#: All of them, as bits.
ALL: Final = (1 << len(FIELDS)) - 1
#: The place of the first count of a type of event.
TYPES: Final = FIELDS.index(EVENT_TYPES[0])
#: In msgpack: a list whose length follows in two bytes; texts of fewer than 32 bytes begin with this and their length.
_LIST: Final = 0xDC
_TEXT: Final = 0xA0
#: Names of fields as such texts, end to end.
_TEXTS: Final = [bytes([_TEXT | len(name)]) + name.encode() for name in FIELDS]
_NAMES: Final = np.frombuffer(b"".join(_TEXTS), np.uint8)
_ENDS: Final = np.cumsum([0, *map(len, _TEXTS)])
#: A value is a text of at most 20 bytes: a whole number, or 13 digits, a point and six decimals. What two lists of all
#: fields need at most.
_MOST_BYTES: Final = 2 * (3 + sum(map(len, _TEXTS)) + len(FIELDS) * (1 + 20))
#: Less money than this would be written as 0.0, and is left out.
_LEAST: Final = 5e-7
#: Beyond this a float has no millionths, nor is any shopper so rich.
_MOST: Final = 9e12

_EVENTS, _LAST_SEEN, _PROPENSITY, _SEGMENT, _SPEND, _SESSIONS, _FIRST_SEEN = map(
    FIELDS.index, ("events", "last_seen", "propensity", "segment", "spend", "sessions", "first_seen")
)


def packed_profiles(records: Structs, segments: Int32s, propensity: Floats | None, unwritten: UInt16s) -> Spelling:
    """What `values.lua` takes as the value of a hash: of each shopper what changed, and behind it all there is.

    Both are msgpack lists of names and values in turn, see https://github.com/msgpack/msgpack/blob/master/spec.md.

    Parameters
    ----------
    records
        Of dtype `SHOPPER`.
    segments
        -1 for none.
    propensity
        None for no model.
    unwritten
        Which `FIELDS` changed, as bits, the first field the lowest, as `streams.unwritten.Unwritten.take` returns them.
        None counts as changed, so that all are written, for `ALL`, and where no model can tell: what one left in Redis
        has to go.

    >>> from online_models.shoppers import blank
    >>> profile = packed_profiles(blank(1), np.array([3], np.int32), np.array([0.5]), np.array([0b101], np.uint16))
    >>> bytes(profile.text[:27])
    b'\\xdc\\x00\\x04\\xa6events\\xa10\\xaapropensity\\xa30.5'
    """
    n = len(records)
    out, ends = np.empty(n * _MOST_BYTES, np.uint8), np.empty(n, np.int64)
    scored = np.full(n, np.nan) if propensity is None else propensity
    _pack(records, segments, scored, unwritten, out, ends)
    return Spelling(out[: ends[-1] if n else 0], ends)


@compiled
def _pack(records: Structs, segments: Int32s, propensity: Floats, unwritten: UInt16s, out: Bytes, ends: Int64s) -> None:
    at = 0
    for n in range(len(records)):
        segment = -1 if np.isnan(propensity[n]) else segments[n]
        changed = unwritten[n] if segment >= 0 and unwritten[n] != ALL else 0
        at = _put_list(changed, records[n], propensity[n], segment, at, out)
        at = _put_list(ALL, records[n], propensity[n], segment, at, out)
        ends[n] = at


@uncounted
def _put_list(fields: int, s: Shopper, propensity: float, segment: int, at: int, out: Bytes) -> int:
    """Write names and values of some fields, but for those that are left out; return the place after them."""
    start, length = at, 0
    at += 3
    for field in range(len(FIELDS)):
        if not fields >> field & 1:
            continue
        number, is_decimal = _value(field, s, propensity, segment)
        if number < 0:
            continue
        length += 2
        at = put_bytes(_NAMES, _ENDS[field], _ENDS[field + 1], at, out)
        end = put_millionths(number, at + 1, out) if is_decimal else put_integer(number, at + 1, out)
        out[at] = _TEXT | (end - at - 1)
        at = end
    out[start], out[start + 1], out[start + 2] = _LIST, 0, length
    return at


@uncounted
def _value(field: int, s: Shopper, propensity: float, segment: int) -> tuple[int, bool]:
    """The number of a field, negative if it is left out; and whether it is in millionths."""
    if field == _PROPENSITY:
        return (-1 if np.isnan(propensity) else _millionths(propensity)), True
    if field == _SPEND:
        return (_millionths(s.spend) if s.spend >= _LEAST else -1), True
    return _number(field, s, segment), False


@uncounted
def _number(field: int, s: Shopper, segment: int) -> int:
    if field == _EVENTS:
        events = 0
        for count in s.counts:
            events += count
        return events
    if field == _LAST_SEEN:
        return int(s.last_seen)
    if field == _SEGMENT:
        return segment
    if field == _FIRST_SEEN:
        return int(s.first_seen)
    count = s.sessions if field == _SESSIONS else s.counts[field - TYPES]
    return int(count) if count else -1


@uncounted
def _millionths(number: float) -> int:
    return int(np.rint(min(number, _MOST) * 1e6))
