"""JSON in a text of many records, for kernels: where a string, a number or an object ends, many bytes at a time.

A place is where in the text something begins, or, as a result, where what follows it begins; `NOWHERE` says that there
is no such thing there, or none that is plain. The text has `PADDING` at its end, and nothing here passes over a zero:
so it is enough to begin inside of the text, and loops need not ask whether they are past its end. They do read on into
the next record, where one breaks off; who asks has to see to it that what was found ends where its record does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Bytes
from online_models.uncounted import uncounted
from online_models.words import word

Place = np.uint64
Words = NDArray[np.uint64]

NOWHERE: Final = np.uint64(0)
#: No kernel looks further than this beyond a place.
PADDING: Final = bytes(32)
#: An object with more is not plain.
MOST_FIELDS: Final = 64
#: Whole numbers of so many digits are exact as floats, and so is one divided by a power of ten: correctly rounded.
MOST_DIGITS: Final = 15

_ONE, _TWO, _EIGHT = np.uint64(1), np.uint64(2), np.uint64(8)
#: In each byte of a word: 1; the highest bit; and what finds characters, see `_first`.
_ONES: Final = np.uint64(0x0101010101010101)
_HIGH: Final = np.uint64(0x8080808080808080)
_SPACES, _QUOTES, _BACKSLASHES = (np.uint64(code * int(_ONES)) for code in (32, 34, 92))
_STARS, _QUESTIONS, _OPENED, _CLOSED = (np.uint64(ord(character) * int(_ONES)) for character in "*?{}")
_ZEROS, _BEYOND_NINE = np.uint64(48 * int(_ONES)), np.uint64((128 - 10) * int(_ONES))
_BYTES, _PAIRS, _FOURS = (np.uint64(mask) for mask in (0x0F0F0F0F0F0F0F0F, 0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF))
_BY_TEN, _BY_HUNDRED, _BY_TEN_THOUSAND = np.uint64(2561), np.uint64(6553601), np.uint64(42949672960001)
POWERS: Final = np.array([10**k for k in range(MOST_DIGITS + 1)], np.uint64)


def literals(names: list[str]) -> Words:
    """Names of up to 16 bytes for `is_literal`: shape (n, 5), two words, which bits of them count, and the length."""
    table = np.zeros((len(names), 5), np.uint64)
    for row, name in zip(table, (name.encode() for name in names), strict=True):
        if len(name) > 16:
            raise ValueError(f"{name!r} is longer than two words")
        row[0:3:2] = np.frombuffer(name.ljust(16, b"\0"), "<u8")
        row[1:4:2] = np.frombuffer((b"\xff" * len(name)).ljust(16, b"\0"), "<u8")
        row[4] = len(name)
    return table


@uncounted
def is_literal(text: Bytes, at: Place, names: Words, n: np.uint64) -> bool:
    """Whether name number `n` is there, with a quotation mark behind it."""
    low = (word(text, at) ^ names[n, np.uint64(0)]) & names[n, np.uint64(1)]
    high = (word(text, at + _EIGHT) ^ names[n, np.uint64(2)]) & names[n, np.uint64(3)]
    return bool((low | high) == np.uint64(0) and text[at + names[n, np.uint64(4)]] == 34)


@uncounted
def space(text: Bytes, at: Place) -> Place:
    """Where the next thing begins."""
    while text[at] == 32 or text[at] == 10 or text[at] == 13 or text[at] == 9:
        at += _ONE
    return at


@uncounted
def string(text: Bytes, at: Place) -> Place:
    """A string of printable ASCII without escapes."""
    if text[at] != 34:
        return NOWHERE
    at += _ONE
    stops = _no_string(word(text, at))
    while stops == np.uint64(0):
        at += _EIGHT
        stops = _no_string(word(text, at))
    at += _first(stops)
    return at if text[at - _ONE] == 34 else NOWHERE


@uncounted
def harmless_string(text: Bytes, at: Place) -> Place:
    """The same without characters that are hostile to Redis or a terminal."""
    if text[at] != 34:
        return NOWHERE
    at += _ONE
    stops = _no_id(word(text, at))
    while stops == np.uint64(0):
        at += _EIGHT
        stops = _no_id(word(text, at))
    at += _first(stops)
    return at if text[at - _ONE] == 34 else NOWHERE


@uncounted
def _no_string(chunk: np.uint64) -> np.uint64:
    """Which bytes end a string, see `_first`: quotation mark, backslash, and all below 32 or above 126."""
    marks = ((chunk ^ _QUOTES) - _ONES) | ((chunk ^ _BACKSLASHES) - _ONES)
    return (marks | (chunk - _SPACES) | chunk | (chunk + _ONES)) & _HIGH


@uncounted
def _no_id(chunk: np.uint64) -> np.uint64:
    """The same for a string that is an id: also * ? [ ] { }, of which the brackets differ by the bit of a space."""
    brackets = (((chunk | _SPACES) ^ _OPENED) - _ONES) | (((chunk | _SPACES) ^ _CLOSED) - _ONES)
    wild = ((chunk ^ _STARS) - _ONES) | ((chunk ^ _QUESTIONS) - _ONES)
    return _no_string(chunk) | ((brackets | wild) & _HIGH)


@uncounted
def _first(stops: np.uint64) -> np.uint64:
    """How many bytes there are up to the first whose highest bit is set, and with it.

    Sums and differences of whole words carry into the next byte only where the byte itself is set: the first is right.
    """
    return ((((stops - _ONE) & ~stops) & _ONES) * _ONES) >> np.uint64(56)


@uncounted
def _leading_digits(chunk: np.uint64) -> np.uint64:
    """How many of the first bytes are digits."""
    values = chunk ^ _ZEROS
    stops = ((values + _BEYOND_NINE) | values) & _HIGH
    return _EIGHT if stops == np.uint64(0) else _first(stops) - _ONE


@uncounted
def _number(chunk: np.uint64, count: np.uint64) -> np.uint64:
    """The number that the first bytes are, 1 to 8: digits, pairs and fours of them are put together at once."""
    values = ((chunk ^ _ZEROS) << (_EIGHT * (_EIGHT - count))) & _BYTES
    pairs = ((values * _BY_TEN) >> _EIGHT) & _PAIRS
    fours = ((pairs * _BY_HUNDRED) >> np.uint64(16)) & _FOURS
    return (fours * _BY_TEN_THOUSAND) >> np.uint64(32)


@uncounted
def digits(text: Bytes, at: Place) -> tuple[np.uint64, Place]:
    """A run of at most 15 digits, and no more behind it: its number, and the place."""
    first = word(text, at)
    count = _leading_digits(first)
    if count == np.uint64(0):
        return NOWHERE, NOWHERE
    number = _number(first, count)
    if count < _EIGHT:
        return number, at + count
    second = word(text, at + _EIGHT)
    count = _leading_digits(second)
    if count == np.uint64(0):
        return number, at + _EIGHT
    if count == _EIGHT:
        return NOWHERE, NOWHERE
    return number * POWERS[count] + _number(second, count), at + _EIGHT + count


@uncounted
def whole_number(text: Bytes, at: Place) -> tuple[np.uint64, Place]:
    """A whole number from 0 on, as JSON has them."""
    number, after = digits(text, at)
    return (number, NOWHERE) if text[at] == 48 and after > at + _ONE else (number, after)


@uncounted
def null(text: Bytes, at: Place) -> Place:
    """The word."""
    return _word(text, at, 110, 117, 108, 108)


@uncounted
def scalar(text: Bytes, at: Place) -> Place:
    """A string, a decimal number, true, false or null."""
    character = text[at]
    if character == 34:
        return string(text, at)
    if character == 116:
        return _word(text, at, 116, 114, 117, 101)
    if character == 102:
        after = _word(text, at, 102, 97, 108, 115)
        return after + _ONE if after != NOWHERE and text[after] == 101 else NOWHERE
    if character == 110:
        return null(text, at)
    _, after = whole_number(text, at + _ONE if character == 45 else at)  # -
    if after != NOWHERE and text[after] == 46:
        _, after = digits(text, after + _ONE)
    return after


@uncounted
def flat_object(text: Bytes, at: Place) -> Place:
    """An object that holds no other, and no list."""
    if text[at] != 123:  # {
        return NOWHERE
    at = space(text, at + _ONE)
    if text[at] == 125:  # }
        return at + _ONE
    for _ in range(MOST_FIELDS):
        at = string(text, space(text, at))
        at = space(text, at) if at != NOWHERE else NOWHERE
        if at == NOWHERE or text[at] != 58:  # :
            return NOWHERE
        at = scalar(text, space(text, at + _ONE))
        if at == NOWHERE:
            return NOWHERE
        at = space(text, at)
        if text[at] != 44:  # ,
            return at + _ONE if text[at] == 125 else NOWHERE  # }
        at += _ONE
    return NOWHERE


@uncounted
def _word(text: Bytes, at: Place, a: int, b: int, c: int, d: int) -> Place:
    is_there = text[at] == a and text[at + _ONE] == b and text[at + _TWO] == c and text[at + np.uint64(3)] == d
    return at + np.uint64(4) if is_there else NOWHERE
