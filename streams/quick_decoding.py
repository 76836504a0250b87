"""Plain events, thousands at a time: a scanner for what nearly all events look like.

It takes an event only if it is valid beyond doubt: JSON in ASCII without escapes, known fields of the right type and
range, times in epoch milliseconds or as `2025-01-31T12:34:56.789Z`, flat properties. Everything else, bad events among
it, it leaves to `streams.decoding`; of what it takes, both read the same.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Bytes, Floats, Int64s
from online_models.events import EVENT_TYPES
from online_models.spelling import spelled
from online_models.uncounted import uncounted

Bools = NDArray[np.bool_]

LONGEST_ID: Final = 128
#: Events before 2000-01-01 are mistakes, most often seconds taken for milliseconds.
EARLIEST_MS: Final = 946_684_800_000
#: Whole numbers of so many digits are exact as floats, and so is one divided by a power of ten: correctly rounded.
_MOST_DIGITS: Final = 15
_MOST_FIELDS: Final = 64

_EVENT_ID, _TYPE, _USER_ID, _ITEM_ID, _TS, _PRICE, _QUANTITY, _TEXT, _PROPERTIES = range(9)
_NAMES: Final = {
    "event_id": _EVENT_ID, "type": _TYPE, "user_id": _USER_ID, "item_id": _ITEM_ID, "ts": _TS, "price": _PRICE,
    "quantity": _QUANTITY, "session_id": _TEXT, "currency": _TEXT, "order_id": _TEXT, "properties": _PROPERTIES,
}  # fmt: skip
_UNKNOWN: Final = -1
_REQUIRED: Final = (1 << _EVENT_ID) | (1 << _TYPE) | (1 << _USER_ID) | (1 << _ITEM_ID) | (1 << _TS)
_FAILED: Final = -1


class Words(NamedTuple):
    """Words to recognise, end to end: `text[ends[n - 1]:ends[n]]`, and what each stands for."""

    text: Bytes
    ends: Int64s
    meaning: Int64s


#: Places in a row of whole numbers: where the ids of event, user and item begin and end, and the rest.
STARTS: Final = slice(0, 3)
ENDS: Final = slice(3, 6)
TYPE, TS, QUANTITY = 6, 7, 8
_ENDS_FROM: Final = 3
_USER: Final = 1


class Columns(NamedTuple):
    """What is found, one row per record.

    Attributes
    ----------
    plain
        Whether the rest of the row means anything.
    whole
        Shape (n, 9): ids as places in the text, position of the type in `EVENT_TYPES`, event time in ms, quantity; see
        `STARTS` to `QUANTITY`.
    price
        Shape (n,).
    """

    plain: Bools
    whole: Int64s
    price: Floats


def _words(names: list[str], meaning: list[int]) -> Words:
    return Words(*spelled(names), np.array(meaning, np.int64))


_FIELD_WORDS: Final = _words(list(_NAMES), list(_NAMES.values()))
_TYPE_WORDS: Final = _words(list(EVENT_TYPES), list(range(len(EVENT_TYPES))))


def scan(values: list[bytes], keys: list[bytes], most_bytes: int) -> tuple[Bytes, Columns]:
    """Read what is plain among the values of records, whose keys are the users; also the text that places refer to."""
    n = len(values)
    text, key_text = np.frombuffer(b"".join(values), np.uint8), np.frombuffer(b"".join(keys), np.uint8)
    ends, key_ends = (np.cumsum(np.fromiter(map(len, parts), np.int64, n)) for parts in (values, keys))
    columns = Columns(
        plain=np.zeros(n, np.bool_),
        whole=np.zeros((n, 9), np.int64),
        price=np.zeros(n),
    )
    columns.whole[:, QUANTITY] = 1
    _scan(text, ends, key_text, key_ends, most_bytes, _FIELD_WORDS, _TYPE_WORDS, columns)
    return text, columns


@uncounted
def _scan(
    text: Bytes,
    ends: Int64s,
    keys: Bytes,
    key_ends: Int64s,
    most_bytes: int,
    fields: Words,
    types: Words,
    columns: Columns,
) -> None:
    start = key_start = 0
    for n in range(len(ends)):
        whole, price = columns.whole[n], columns.price[n : n + 1]
        if ends[n] - start <= most_bytes and _event(text, start, ends[n], fields, types, whole, price):
            columns.plain[n] = _is_key(text, whole[_USER], whole[_ENDS_FROM + _USER], keys, key_start, key_ends[n])
        start, key_start = ends[n], key_ends[n]


@uncounted
def _is_key(text: Bytes, start: int, end: int, keys: Bytes, key_start: int, key_end: int) -> bool:
    if end - start != key_end - key_start:
        return False
    for k in range(end - start):  # noqa: SIM110
        if text[start + k] != keys[key_start + k]:
            return False
    return True


@uncounted
def _event(text: Bytes, start: int, end: int, fields: Words, types: Words, whole: Int64s, price: Floats) -> bool:
    """Read one event; False if it is not plain."""
    at = _expected(123, text, _space(text, start, end), end)  # {
    found = 0
    for _ in range(_MOST_FIELDS):
        name = _space(text, at, end) if at >= 0 else _FAILED
        name_end = _string(text, name, end)
        if name_end < 0:
            return False
        field = _meaning(text, name + 1, name_end - 1, fields)
        at = _expected(58, text, _space(text, name_end, end), end)  # :
        at = _space(text, at, end) if at >= 0 else _FAILED
        at = _value(field, text, at, end, types, whole, price)
        if at < 0:
            return False
        if field >= 0:
            found |= 1 << field
        at = _space(text, at, end)
        if at < end and text[at] == 44:  # ,
            at += 1
            continue
        at = _expected(125, text, at, end)  # }
        return at >= 0 and _space(text, at, end) == end and found & _REQUIRED == _REQUIRED
    return False


@uncounted
def _value(field: int, text: Bytes, at: int, end: int, types: Words, whole: Int64s, price: Floats) -> int:
    """Read the value of a field; return the place after it."""
    if field == _EVENT_ID:
        return _id(0, text, at, end, whole)
    if field == _USER_ID:
        return _id(1, text, at, end, whole)
    if field == _ITEM_ID:
        return _id(2, text, at, end, whole)
    if field == _TYPE:
        return _type(text, at, end, types, whole)
    if field == _TS:
        return _time(text, at, end, whole)
    if field == _PRICE:
        return _price(text, at, end, price)
    if field == _QUANTITY:
        return _quantity(text, at, end, whole)
    if field == _TEXT:
        return _text_or_null(text, at, end)
    return _properties(text, at, end) if field == _PROPERTIES else _scalar(text, at, end)


@uncounted
def _space(text: Bytes, at: int, end: int) -> int:
    """Where the next thing begins."""
    while at < end and (text[at] == 32 or text[at] == 10 or text[at] == 13 or text[at] == 9):
        at += 1
    return at


@uncounted
def _expected(character: int, text: Bytes, at: int, end: int) -> int:
    return at + 1 if 0 <= at < end and text[at] == character else _FAILED


@uncounted
def _string(text: Bytes, at: int, end: int) -> int:
    """The place after a string of printable ASCII without escapes."""
    if at < 0 or at >= end or text[at] != 34:
        return _FAILED
    for k in range(at + 1, end):
        character = text[k]
        if character == 34:
            return k + 1
        if character < 32 or character > 126 or character == 92:
            return _FAILED
    return _FAILED


@uncounted
def _meaning(text: Bytes, start: int, end: int, words: Words) -> int:
    """What a word stands for."""
    first = 0
    for n in range(len(words.ends)):
        last = words.ends[n]
        if last - first == end - start:
            k = 0
            while k < end - start and words.text[first + k] == text[start + k]:
                k += 1
            if k == end - start:
                return words.meaning[n]  # type: ignore[no-any-return]
        first = last
    return _UNKNOWN


@uncounted
def _type(text: Bytes, at: int, end: int, types: Words, whole: Int64s) -> int:
    after = _string(text, at, end)
    whole[TYPE] = _meaning(text, at + 1, after - 1, types) if after >= 0 else _UNKNOWN
    return after if whole[TYPE] >= 0 else _FAILED


@uncounted
def _id(which: int, text: Bytes, at: int, end: int, whole: Int64s) -> int:
    """An id without characters that are hostile to Redis or a terminal."""
    after = _string(text, at, end)
    length = after - at - 2
    if after < 0 or length < 1 or length > LONGEST_ID:
        return _FAILED
    for k in range(at + 1, after - 1):
        character = text[k]
        if character in (42, 63, 91, 93, 123, 125):  # * ? [ ] { }
            return _FAILED
    whole[which], whole[_ENDS_FROM + which] = at + 1, after - 1
    return after


@uncounted
def _digits(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """A run of at most 15 digits: its number, and the place after it."""
    number, k = 0, at
    while k < end and 48 <= text[k] <= 57 and k - at < _MOST_DIGITS:
        number = int(10 * number + np.int64(text[k]) - 48)
        k += 1
    return number, k if k > at else _FAILED


@uncounted
def _whole(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """A whole number from 0 on, as JSON has them, of at most 15 digits."""
    if at < 0:
        return 0, _FAILED
    number, after = _digits(text, at, end)
    if after < 0 or (text[at] == 48 and after - at > 1) or (after < end and _goes_on(text[after])):
        return 0, _FAILED
    return number, after


@uncounted
def _goes_on(character: int) -> bool:
    """Whether a number that seemed to be over is not: a digit, a point or an exponent."""
    return 48 <= character <= 57 or character in (46, 69, 101)


@uncounted
def _time(text: Bytes, at: int, end: int, whole: Int64s) -> int:
    if at >= 0 and at < end and text[at] == 34:
        ts, after = _iso(text, at, end)
    else:
        ts, after = _whole(text, at, end)
    whole[TS] = ts
    return after if ts >= EARLIEST_MS else _FAILED


@uncounted
def _iso(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """A time in UTC to the second or millisecond, in its quotes: milliseconds since 1970, and the place after it."""
    after = _string(text, at, end)
    length = after - at - 2
    if after < 0 or length not in (20, 24) or text[after - 2] != 90:  # Z
        return 0, _FAILED
    for place, character in ((5, 45), (8, 45), (11, 84), (14, 58), (17, 58), (20, 46)):  # - - T : : .
        if text[at + place] != character and (place < 20 or length == 24):
            return 0, _FAILED
    year, month, day = _number(text, at + 1, 4), _number(text, at + 6, 2), _number(text, at + 9, 2)
    hour, minute, second = _number(text, at + 12, 2), _number(text, at + 15, 2), _number(text, at + 18, 2)
    millisecond = _number(text, at + 21, 3) if length == 24 else 0
    if min(year, month, day, hour, minute, second, millisecond) < 0 or year < 2000 or not 1 <= month <= 12:
        return 0, _FAILED
    if not 1 <= day <= _days(year, month) or hour > 23 or minute > 59 or second > 59:
        return 0, _FAILED
    days = _days_since_1970(year, month, day)
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millisecond, after


@uncounted
def _number(text: Bytes, at: int, length: int) -> int:
    """So many digits; -1 if one is none."""
    number, after = _digits(text, at, at + length)
    return number if after == at + length else -1


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


@uncounted
def _price(text: Bytes, at: int, end: int, price: Floats) -> int:
    """A decimal number from 0 to a billion, of at most 15 digits; or null, which is 0."""
    price[0] = 0.0
    if at >= 0 and at < end and text[at] == 110:
        return _word(text, at, end, 110, 117, 108, 108, 0)
    if at < 0:
        return _FAILED
    whole, after = _digits(text, at, end)
    if after < 0 or (text[at] == 48 and after - at > 1):
        return _FAILED
    digits, power = after - at, 1
    if after < end and text[after] == 46:
        fraction, last = _digits(text, after + 1, end)
        digits += last - after - 1
        if last < 0 or digits > _MOST_DIGITS:
            return _FAILED
        power = 10 ** (last - after - 1)
        whole, after = whole * power + fraction, last
    price[0] = whole / power
    if (after < end and _goes_on(text[after])) or price[0] > 1e9:
        return _FAILED
    return after


@uncounted
def _quantity(text: Bytes, at: int, end: int, whole: Int64s) -> int:
    """A whole number from 0 to 100,000; or null, which is 1."""
    whole[QUANTITY] = 1
    if at >= 0 and at < end and text[at] == 110:
        return _word(text, at, end, 110, 117, 108, 108, 0)
    number, after = _whole(text, at, end)
    whole[QUANTITY] = number
    return after if number <= 100_000 else _FAILED


@uncounted
def _text_or_null(text: Bytes, at: int, end: int) -> int:
    if at >= 0 and at < end and text[at] == 110:
        return _word(text, at, end, 110, 117, 108, 108, 0)
    return _string(text, at, end)


@uncounted
def _properties(text: Bytes, at: int, end: int) -> int:
    """A flat object, or null."""
    if at < 0 or at >= end or text[at] != 123:  # {
        return _word(text, at, end, 110, 117, 108, 108, 0)
    at = _space(text, at + 1, end)
    if at < end and text[at] == 125:  # }
        return at + 1
    for _ in range(_MOST_FIELDS):
        at = _string(text, _space(text, at, end), end)
        at = _expected(58, text, _space(text, at, end), end) if at >= 0 else _FAILED  # :
        at = _scalar(text, _space(text, at, end), end) if at >= 0 else _FAILED
        if at < 0:
            return _FAILED
        at = _space(text, at, end)
        if at < end and text[at] == 44:  # ,
            at += 1
            continue
        return _expected(125, text, at, end)  # }
    return _FAILED


@uncounted
def _scalar(text: Bytes, at: int, end: int) -> int:
    """The place after a string, a decimal number, true, false or null."""
    if at < 0 or at >= end:
        return _FAILED
    character = text[at]
    if character == 34:
        return _string(text, at, end)
    if character == 116:
        return _word(text, at, end, 116, 114, 117, 101, 0)
    if character == 102:
        return _word(text, at, end, 102, 97, 108, 115, 101)
    if character == 110:
        return _word(text, at, end, 110, 117, 108, 108, 0)
    start = at + 1 if character == 45 else at  # -
    _, after = _digits(text, start, end)
    if after < 0 or (text[start] == 48 and after - start > 1):
        return _FAILED
    if after < end and text[after] == 46:
        _, after = _digits(text, after + 1, end)
    return _FAILED if after < 0 or (after < end and _goes_on(text[after])) else after


@uncounted
def _word(text: Bytes, at: int, end: int, a: int, b: int, c: int, d: int, e: int) -> int:
    """The place after a word of four letters, or five."""
    length = 5 if e else 4
    if at < 0 or at + length > end:
        return _FAILED
    is_there = text[at] == a and text[at + 1] == b and text[at + 2] == c and text[at + 3] == d
    return at + length if is_there and (not e or text[at + 4] == e) else _FAILED
