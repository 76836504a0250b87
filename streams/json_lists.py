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

#: What an entry may need besides its ids, and what it mostly needs in all.
_AROUND: Final = 80
_TYPICAL_ENTRY: Final = 64
#: What stands around ids and numbers.
_FIRST: Final = tuple(b'{"id":"')
_NEXT: Final = tuple(b',{"id":"')
_SCORE: Final = tuple(b'","score":')
_BECAUSE: Final = tuple(b',"because":"')
_BECAUSE_OF_NOTHING: Final = tuple(b',"because":null}')
_SUPPORT: Final = tuple(b',"support":')
_END_OF_TEXT: Final = tuple(b'"}')


def recommendation_lists(lists: Recommendations, as_of: Int64s, items: Vocabulary) -> list[bytes]:
    """The values of `rec:` keys; `as_of` is the event time each list takes account of."""
    tails = [
        f'],"as_of":{ts},"source":"{SOURCES[code]}"}}'.encode() for ts, code in zip(as_of, lists.source, strict=True)
    ]
    return _lists(True, lists.items, lists.scores, lists.because, lists.lengths, items, tails)


def similarity_lists(neighbours: tuple[Int32s, Floats, Int32s, Int32s], as_of: int, items: Vocabulary) -> list[bytes]:
    """The values of `sim:` keys, from what `ItemSimilarity.predict_many` returns."""
    ids, scores, support, lengths = neighbours
    tail = f'],"as_of":{as_of}}}'.encode()
    return _lists(False, ids, scores, support, lengths, items, [tail] * len(ids))


def _lists(
    is_code: bool,
    ids: Int32s,
    scores: Floats,
    extras: Int32s,
    lengths: Int32s,
    items: Vocabulary,
    tails: list[bytes],
) -> list[bytes]:
    out = np.empty(_AROUND + int(lengths.sum()) * _TYPICAL_ENTRY, np.uint8)
    ends = np.zeros(len(ids) + 1, np.int64)
    done = 0
    while True:
        done = _write(done, ids, scores, extras, lengths, is_code, items.text, items.ends, out, ends)
        if done == len(ids):
            break
        out = np.concatenate([out, np.empty(len(out), np.uint8)])
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
    text: Bytes,
    text_ends: Int64s,
    out: Bytes,
    ends: Int64s,
) -> int:
    """Write the entries of lists from number `done` on; return how many are done, fewer where `out` is full."""
    for n in range(done, len(ids)):
        at = ends[n]
        for j in range(lengths[n]):
            ids_size = _size(ids[n, j], text_ends) + (_size(extras[n, j], text_ends) if is_code else 0)
            if at + 2 * ids_size + _AROUND > len(out):  # if every character has to be escaped
                return n
            at = _characters(_NEXT, at, out) if j > 0 else _characters(_FIRST, at, out)
            at = _id(ids[n, j], text, text_ends, at, out)
            at = _characters(_SCORE, at, out)
            at = _decimal(scores[n, j], at, out)
            if not is_code:
                at = _byte(125, _integer(extras[n, j], _characters(_SUPPORT, at, out), out), out)  # }
            elif extras[n, j] < 0:
                at = _characters(_BECAUSE_OF_NOTHING, at, out)
            else:
                at = _id(extras[n, j], text, text_ends, _characters(_BECAUSE, at, out), out)
                at = _characters(_END_OF_TEXT, at, out)
        ends[n + 1] = at
    return len(ids)


@compiled
def _size(code: int, text_ends: Int64s) -> int:
    """How many bytes an id has; 0 if there is none."""
    if code < 0:
        return 0
    return int(text_ends[code] - (text_ends[code - 1] if code > 0 else 0))


@compiled
def _characters(characters: tuple[int, ...], at: int, out: Bytes) -> int:
    for k in range(len(characters)):
        out[np.uint64(at + k)] = characters[k]
    return at + len(characters)


@compiled
def _byte(character: int, at: int, out: Bytes) -> int:
    out[np.uint64(at)] = character  # as an unsigned number, for which numba does not ask whether it is negative
    return at + 1


@compiled
def _id(code: int, text: Bytes, text_ends: Int64s, at: int, out: Bytes) -> int:
    for k in range(text_ends[code - 1] if code > 0 else 0, text_ends[code]):
        character = text[np.uint64(k)]
        if character == 34 or character == 92:  # " and \ are escaped; control characters never get this far
            at = _byte(92, at, out)
        at = _byte(character, at, out)
    return at


@compiled
def _integer(number: int, at: int, out: Bytes) -> int:
    digits, power = 1, 10
    while number >= power:
        digits, power = digits + 1, power * 10
    for k in range(at + digits - 1, at - 1, -1):
        out[np.uint64(k)] = 48 + number % 10
        number //= 10
    return at + digits


@compiled
def _decimal(score: float, at: int, out: Bytes) -> int:
    """A number with up to six decimals: as many as it needs, but one at least."""
    millionths = int(np.floor(score * 1e6 + 0.5))
    at = _byte(46, _integer(millionths // 1_000_000, at, out), out)
    fraction, needed = millionths % 1_000_000, 1
    for k in range(5, -1, -1):
        out[np.uint64(at + k)] = 48 + fraction % 10
        needed = max(needed, k + 1) if fraction % 10 else needed
        fraction //= 10
    return at + needed
