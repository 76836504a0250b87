"""Ranked lists as JSON, thousands at a time, without a Python object per item.

    {"items":[{"id":"lamp","score":0.25,"because":"bulb"}],"as_of":1700000000000,"source":"personal"}
    {"items":[{"id":"lamp","score":0.25,"support":3}],"as_of":1700000000000}

Scores have six decimals, as `online_models.ranking.rounded` makes them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Bytes, Floats, Int32s, Int64s, compiled
from online_models.recommendation import SOURCES, Recommendations
from online_models.vocabulary import Vocabulary

#: Longest id in UTF-8 with every character escaped, and what else an entry may need.
_ENTRY: Final = 4 * 128 * 2 + 80
_TYPICAL_ENTRY: Final = 64
_FULL: Final = -1


def recommendation_lists(lists: Recommendations, as_of: Int64s, items: Vocabulary) -> list[bytes]:
    """The values of `rec:` keys; `as_of` is the event time each list takes account of."""
    tails = [
        f'],"as_of":{ts},"source":"{SOURCES[code]}"}}'.encode() for ts, code in zip(as_of, lists.source, strict=True)
    ]
    return _lists(b"because", lists.items, lists.scores, lists.because, lists.lengths, items, tails)


def similarity_lists(neighbours: tuple[Int32s, Floats, Int32s, Int32s], as_of: int, items: Vocabulary) -> list[bytes]:
    """The values of `sim:` keys, from what `ItemSimilarity.predict_many` returns."""
    ids, scores, support, lengths = neighbours
    tail = f'],"as_of":{as_of}}}'.encode()
    return _lists(b"support", ids, scores, support, lengths, items, [tail] * len(ids))


def _lists(
    extra: bytes,
    ids: Int32s,
    scores: Floats,
    extras: Int32s,
    lengths: Int32s,
    items: Vocabulary,
    tails: list[bytes],
) -> list[bytes]:
    out = np.empty(_ENTRY + int(lengths.sum()) * _TYPICAL_ENTRY, np.uint8)
    ends = np.zeros(len(ids) + 1, np.int64)
    name = np.frombuffer(b'","score":,"' + extra + b'":', np.uint8)
    is_code = extra == b"because"
    done = 0
    while True:
        done = _write(done, ids, scores, extras, lengths, is_code, name, items.text, items.ends, out, ends)
        if done == len(ids):
            break
        out = np.concatenate([out, np.empty(len(out) + _ENTRY, np.uint8)])
    written = out[: ends[-1]].tobytes() if len(ids) else b""
    spans = zip(ends[:-1].tolist(), ends[1:].tolist(), tails, strict=True)
    return [b'{"items":[' + written[start:end] + tail for start, end, tail in spans]


@compiled
def _write(
    done: int,
    ids: Int32s,
    scores: Floats,
    extras: Int32s,
    lengths: Int32s,
    is_code: bool,
    name: Bytes,
    text: Bytes,
    text_ends: Int64s,
    out: Bytes,
    ends: Int64s,
) -> int:
    """Write the entries of lists from number `done` on; return how many are done, fewer where `out` is full."""
    for n in range(done, len(ids)):
        at = ends[n]
        for j in range(lengths[n]):
            if at + _ENTRY > len(out):
                return n
            if j > 0:
                at = _byte(44, at, out)  # ,
            at = _byte(123, at, out)  # {
            for character in (34, 105, 100, 34, 58, 34):  # "id":"
                at = _byte(character, at, out)
            at = _id(ids[n, j], text, text_ends, at, out)
            for k in range(10):  # ","score":
                at = _byte(name[k], at, out)
            at = _decimal(scores[n, j], at, out)
            for k in range(10, len(name)):  # ,"because": or ,"support":
                at = _byte(name[k], at, out)
            at = _extra(extras[n, j], is_code, text, text_ends, at, out)
            at = _byte(125, at, out)  # }
        ends[n + 1] = at
    return len(ids)


@compiled
def _extra(value: int, is_code: bool, text: Bytes, text_ends: Int64s, at: int, out: Bytes) -> int:
    """A number, or the id behind a code, `null` for -1."""
    if not is_code:
        return _integer(value, at, out)
    if value < 0:
        for character in (110, 117, 108, 108):  # null
            at = _byte(character, at, out)
        return at
    at = _byte(34, at, out)
    at = _id(value, text, text_ends, at, out)
    return _byte(34, at, out)


@compiled
def _byte(character: int, at: int, out: Bytes) -> int:
    out[at] = character
    return at + 1


@compiled
def _id(code: int, text: Bytes, text_ends: Int64s, at: int, out: Bytes) -> int:
    for k in range(text_ends[code - 1] if code > 0 else 0, text_ends[code]):
        if text[k] == 34 or text[k] == 92:  # " and \ are escaped; control characters never get this far
            at = _byte(92, at, out)
        at = _byte(text[k], at, out)
    return at


@compiled
def _integer(number: int, at: int, out: Bytes) -> int:
    digits = 1
    while number >= 10**digits:
        digits += 1
    for k in range(digits - 1, -1, -1):
        at = _byte(48 + (number // 10**k) % 10, at, out)
    return at


@compiled
def _decimal(score: float, at: int, out: Bytes) -> int:
    millionths = int(np.floor(score * 1e6 + 0.5))
    at = _integer(millionths // 1_000_000, at, out)
    fraction = millionths % 1_000_000
    at = _byte(46, at, out)
    divisor = 100_000
    while True:
        at = _byte(48 + fraction // divisor, at, out)
        fraction %= divisor
        if fraction == 0 or divisor == 1:
            return at
        divisor //= 10
