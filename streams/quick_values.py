"""The values of an event's fields, for the scanner: each is read into its place in the columns, or refused.

As in `streams.json_text`, a result is the place behind what was read, or `NOWHERE`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Bytes, Floats, Int64s
from online_models.event_columns import ENDS, QUANTITY, STARTS, TS, TYPE
from online_models.events import EVENT_TYPES
from online_models.uncounted import uncounted
from streams.event_limits import EARLIEST_MS, HIGHEST_PRICE, LATEST_MS, LONGEST_ID, MOST_PIECES
from streams.json_text import (
    MOST_DIGITS,
    NOWHERE,
    POWERS,
    Place,
    digits,
    flat_object,
    harmless_string,
    is_literal,
    literals,
    null,
    scalar,
    string,
    whole_number,
)

#: What a field is; the ids first, in the order of their columns.
EVENT_ID, USER_ID, ITEM_ID, KIND, TIME, PRICE, NUMBER, TEXT, PROPERTIES, UNKNOWN = range(10)

_ONE, _TWO = np.uint64(1), np.uint64(2)
_TYPES: Final = literals(list(EVENT_TYPES))
_LENGTH: Final = np.uint64(4)
_FIRST_START, _FIRST_END = STARTS.start, ENDS.start


@uncounted
def value(field: int, text: Bytes, at: Place, n: np.uint64, whole: Int64s, price: Floats) -> Place:
    """Read the value of a field into row `n`."""
    if field <= ITEM_ID:
        return _id(field, text, at, n, whole)
    if field == KIND:
        return _type(text, at, n, whole)
    if field == TIME:
        return _time(text, at, n, whole)
    if field == PRICE:
        return _price(text, at, n, price)
    if field == NUMBER:
        return _quantity(text, at, n, whole)
    if field == TEXT:
        return null(text, at) if text[at] == 110 else string(text, at)
    if field == PROPERTIES:
        return null(text, at) if text[at] == 110 else flat_object(text, at)
    return scalar(text, at)


@uncounted
def _id(which: int, text: Bytes, at: Place, n: np.uint64, whole: Int64s) -> Place:
    after = harmless_string(text, at)
    if after < at + np.uint64(3) or after > at + np.uint64(LONGEST_ID + 2):
        return NOWHERE
    whole[np.uint64(_FIRST_START + which), n] = np.int64(at + _ONE)
    whole[np.uint64(_FIRST_END + which), n] = np.int64(after - _ONE)
    return after


@uncounted
def _type(text: Bytes, at: Place, n: np.uint64, whole: Int64s) -> Place:
    if text[at] != 34:
        return NOWHERE
    for number in range(len(_TYPES)):
        kind = np.uint64(number)
        if is_literal(text, at + _ONE, _TYPES, kind):
            whole[np.uint64(TYPE), n] = number
            return at + _TWO + _TYPES[kind, _LENGTH]  # type: ignore[no-any-return]
    return NOWHERE


@uncounted
def _time(text: Bytes, at: Place, n: np.uint64, whole: Int64s) -> Place:
    if text[at] == 34:
        ts, after = _iso(text, at)
    else:
        number, after = whole_number(text, at)
        ts = int(number)
    whole[np.uint64(TS), n] = ts
    return after if EARLIEST_MS <= ts <= LATEST_MS else NOWHERE


@uncounted
def _price(text: Bytes, at: Place, n: np.uint64, price: Floats) -> Place:
    """A decimal number from 0 to a billion, of at most 15 digits; or null, which is 0."""
    price[n] = 0.0
    if text[at] == 110:
        return null(text, at)
    number, after = whole_number(text, at)
    if after == NOWHERE:
        return NOWHERE
    places = np.uint64(0)
    if text[after] == 46:
        point = after
        fraction, after = digits(text, point + _ONE)
        if after == NOWHERE or after - at - _ONE > np.uint64(MOST_DIGITS):
            return NOWHERE
        places = after - point - _ONE
        number = number * POWERS[places] + fraction
    price[n] = np.float64(number) / np.float64(POWERS[places])
    return after if price[n] <= HIGHEST_PRICE else NOWHERE


@uncounted
def _quantity(text: Bytes, at: Place, n: np.uint64, whole: Int64s) -> Place:
    """A whole number from 0 to 100,000; or null, which is 1."""
    whole[np.uint64(QUANTITY), n] = 1
    if text[at] == 110:
        return null(text, at)
    number, after = whole_number(text, at)
    whole[np.uint64(QUANTITY), n] = np.int64(number)
    return after if number <= np.uint64(MOST_PIECES) else NOWHERE


@uncounted
def _iso(text: Bytes, at: Place) -> tuple[int, Place]:
    """A time in UTC to the second or millisecond, in its quotes: milliseconds since 1970, and the place."""
    after = string(text, at)
    length = np.int64(after - at) - 2
    if after == NOWHERE or length not in (20, 24) or text[after - _TWO] != 90:  # Z
        return 0, NOWHERE
    for place, character in ((5, 45), (8, 45), (11, 84), (14, 58), (17, 58), (20, 46)):  # - - T : : .
        if text[at + np.uint64(place)] != character and (place < 20 or length == 24):
            return 0, NOWHERE
    year, month, day = _number(text, at, 1, 4), _number(text, at, 6, 2), _number(text, at, 9, 2)
    hour, minute, second = _number(text, at, 12, 2), _number(text, at, 15, 2), _number(text, at, 18, 2)
    millisecond = _number(text, at, 21, 3) if length == 24 else 0
    if min(year, month, day, hour, minute, second, millisecond) < 0 or year < 2000 or not 1 <= month <= 12:
        return 0, NOWHERE
    if not 1 <= day <= _days(year, month) or hour > 23 or minute > 59 or second > 59:
        return 0, NOWHERE
    days = _days_since_1970(year, month, day)
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millisecond, after


@uncounted
def _number(text: Bytes, at: Place, first: int, length: int) -> int:
    """So many digits, the first of them so far behind a place; -1 if one is none."""
    number = 0
    for k in range(first, first + length):
        digit = np.int64(text[at + np.uint64(k)]) - 48
        if digit < 0 or digit > 9:
            return -1
        number = int(10 * number + digit)
    return number


@uncounted
def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@uncounted
def _days_since_1970(year: int, month: int, day: int) -> int:
    """Of the Gregorian calendar, with years that begin in March, so that a leap day is a year's last."""
    year -= month <= 2
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - 719_468
