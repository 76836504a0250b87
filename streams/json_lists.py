"""Ranked lists as JSON, thousands at a time, without a Python object per item or list.

    {"items":[{"id":"lamp","score":0.25,"because":"bulb"}],"as_of":1700000000000,"source":"personal"}
    {"items":[{"id":"lamp","score":0.25,"support":3}],"as_of":1700000000000}

Scores have four digits, the last one a millionth at the least: what is in Redis is read by people and models, for whom
more make no difference. The order of a list is that of the exact ones.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from online_models.compiled import Bytes, Floats, Int8s, Int32s, Int64s, compiled, unlocked
from online_models.prefetch import prefetch
from online_models.recommendation import SOURCES, Recommendations
from online_models.spelling import Spelling
from online_models.uncounted import uncounted
from online_models.vocabulary import Vocabulary
from streams.number_text import put_integer, put_millionths

#: What an entry may need besides its ids, or what stands around entries; and what both mostly need in all.
_AROUND: Final = 80
_TYPICAL_ENTRY: Final = 64
_TYPICAL_REST: Final = 80
#: What stands around entries, ids and numbers.
_HEAD: Final = tuple(b'{"items":[')
_FIRST: Final = tuple(b'{"id":"')
_NEXT: Final = tuple(b',{"id":"')
_SCORE: Final = tuple(b'","score":')
_BECAUSE: Final = tuple(b',"because":"')
_BECAUSE_OF_NOTHING: Final = tuple(b',"because":null}')
_SUPPORT: Final = tuple(b',"support":')
_END_OF_TEXT: Final = tuple(b'"}')
_AS_OF: Final = tuple(b'],"as_of":')
_PERSONAL, _SEGMENT, _TRENDING = (tuple(f',"source":"{name}"}}'.encode()) for name in SOURCES)
_NO_SOURCE: Final = -1


class _Lists(NamedTuple):
    """Lists as rows: their entries, how many there are of them, the event time they take account of, and `SOURCES`."""

    ids: Int32s
    scores: Floats
    extras: Int32s
    lengths: Int32s
    as_of: Int64s
    source: Int8s


def recommendation_lists(lists: Recommendations, as_of: Int64s, items: Vocabulary) -> Spelling:
    """The values of `rec:` keys, end to end; `as_of` is the event time each list takes account of."""
    return _written(_Lists(lists.items, lists.scores, lists.because, lists.lengths, as_of, lists.source), items)


def similarity_lists(neighbours: tuple[Int32s, Floats, Int32s, Int32s], as_of: int, items: Vocabulary) -> Spelling:
    """The values of `sim:` keys, end to end, from what `ItemSimilarity.predict_many` returns."""
    n = len(neighbours[3])
    return _written(_Lists(*neighbours, np.full(n, as_of), np.full(n, _NO_SOURCE, np.int8)), items)


def _written(lists: _Lists, items: Vocabulary) -> Spelling:
    n = len(lists.ids)
    out = np.empty(_AROUND + int(lists.lengths.sum()) * _TYPICAL_ENTRY + n * _TYPICAL_REST, np.uint8)
    ends = np.zeros(n + 1, np.int64)
    done = 0
    while (done := _write(done, lists, items.text, items.ends, out, ends)) < n:
        out = np.concatenate([out, np.empty(len(out), np.uint8)])
    return Spelling(out[: ends[-1]], ends[1:])


@unlocked
def _write(done: int, lists: _Lists, text: Bytes, text_ends: Int64s, out: Bytes, ends: Int64s) -> int:
    """Write lists from number `done` on; return how many are done, fewer where `out` is full."""
    for n in range(done, len(lists.ids)):
        _ask_for(lists.ids[n, : lists.lengths[n]], text, text_ends)
        at = ends[n]
        if at + _AROUND > len(out):
            return n
        at = _characters(_HEAD, at, out)
        for j in range(lists.lengths[n]):
            extra = _size(lists.extras[n, j], text_ends) if lists.source[n] != _NO_SOURCE else 0
            # Every character may have to be escaped.
            if at + 2 * (_size(lists.ids[n, j], text_ends) + extra) + _AROUND > len(out):
                return n
            at = _characters(_NEXT, at, out) if j > 0 else _characters(_FIRST, at, out)
            at = _id(lists.ids[n, j], text, text_ends, at, out)
            at = _characters(_SCORE, at, out)
            at = put_millionths(_four_digits(int(np.floor(lists.scores[n, j] * 1e6 + 0.5))), at, out)
            if lists.source[n] == _NO_SOURCE:
                at = put_integer(lists.extras[n, j], _characters(_SUPPORT, at, out), out)
                at = _byte(125, at, out)  # }
            elif lists.extras[n, j] < 0:
                at = _characters(_BECAUSE_OF_NOTHING, at, out)
            else:
                at = _id(lists.extras[n, j], text, text_ends, _characters(_BECAUSE, at, out), out)
                at = _characters(_END_OF_TEXT, at, out)
        if at + _AROUND > len(out):
            return n
        at = put_integer(lists.as_of[n], _characters(_AS_OF, at, out), out)
        ends[n + 1] = _source(lists.source[n], at, out)
    return len(lists.ids)


@uncounted
def _ask_for(codes: Int32s, text: Bytes, text_ends: Int64s) -> None:
    """Ask for the memory of these ids, of all of them at once."""
    for code in codes:
        prefetch(text, text_ends[code] - 1)


@compiled
def _four_digits(millionths: int) -> int:
    """Rounded, halves up."""
    unit = 1
    while millionths >= 10_000 * unit:
        unit *= 10
    return (millionths + unit // 2) // unit * unit


@compiled
def _source(code: int, at: int, out: Bytes) -> int:
    """The end of a list."""
    if code == _NO_SOURCE:
        return _byte(125, at, out)  # }
    if code == 0:
        return _characters(_PERSONAL, at, out)
    return _characters(_SEGMENT, at, out) if code == 1 else _characters(_TRENDING, at, out)


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
    out[np.uint64(at)] = character
    return at + 1


@compiled
def _id(code: int, text: Bytes, text_ends: Int64s, at: int, out: Bytes) -> int:
    for k in range(text_ends[code - 1] if code > 0 else 0, text_ends[code]):
        character = text[np.uint64(k)]
        if character == 34 or character == 92:  # " and \ are escaped; control characters never get this far
            at = _byte(92, at, out)
        at = _byte(character, at, out)
    return at
