"""Finding ids in a vocabulary, and giving codes to new ones: what `online_models.vocabulary` does, compiled.

The arrays are those of its table: `known_text`, `known_ends` and `hashes` by code, `slots` with the codes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Bytes, Int32s, Int64s
from online_models.uncounted import uncounted
from online_models.words import is_same
from online_models.xxh64 import xxh64

Hashes = NDArray[np.uint64]

#: So many ids are guessed at once: what they touch stays in the processor's nearest cache until it is used.
_AT_ONCE: Final = 128


@uncounted
def learn(
    done: int,
    text: Bytes,
    starts: Int64s,
    ends: Int64s,
    codes: Int32s,
    digests: Hashes,
    known_text: Bytes,
    known_ends: Int64s,
    hashes: Hashes,
    slots: Int32s,
    known: Int64s,
) -> int:
    """Find or give codes from number `done` on; return how many are done, fewer than all where room has run out."""
    count = np.uint64(len(starts))
    for first in range(np.uint64(done), count, np.uint64(_AT_ONCE)):
        last = np.uint64(min(first + np.uint64(_AT_ONCE), count))
        _guess(np.uint64(first), last, text, starts, ends, codes, digests, known_text, known_ends, hashes, slots)
        for i in range(first, last):
            if codes[i] >= 0:
                continue
            start, length, digest = starts[i], ends[i] - starts[i], digests[i]
            place = _find(text, start, length, digest, known_text, known_ends, hashes, slots)
            code = slots[place]
            if code < 0:
                code = np.int32(known[0])
                end = (known_ends[code - 1] if code > 0 else 0) + length
                if 2 * (code + 1) > len(slots) or code == len(known_ends) or end > len(known_text):
                    return np.int64(i)  # type: ignore[return-value]
                for k in range(np.uint64(length)):
                    known_text[np.uint64(end - length) + k] = text[np.uint64(start) + k]
                known_ends[code], hashes[code], slots[place] = end, digest, code
                known[0] += 1
            codes[i] = code
    return np.int64(count)  # type: ignore[return-value]


@uncounted
def look_up(
    text: Bytes,
    starts: Int64s,
    ends: Int64s,
    codes: Int32s,
    digests: Hashes,
    known_text: Bytes,
    known_ends: Int64s,
    hashes: Hashes,
    slots: Int32s,
) -> None:
    """Find codes, -1 for ids that have none."""
    count = np.uint64(len(starts))
    for first in range(np.uint64(0), count, np.uint64(_AT_ONCE)):
        last = np.uint64(min(first + np.uint64(_AT_ONCE), count))
        _guess(np.uint64(first), last, text, starts, ends, codes, digests, known_text, known_ends, hashes, slots)
        for i in range(first, last):
            if codes[i] < 0:
                length = ends[i] - starts[i]
                codes[i] = slots[_find(text, starts[i], length, digests[i], known_text, known_ends, hashes, slots)]


@uncounted
def _guess(
    first: np.uint64,
    last: np.uint64,
    text: Bytes,
    starts: Int64s,
    ends: Int64s,
    codes: Int32s,
    digests: Hashes,
    known_text: Bytes,
    known_ends: Int64s,
    hashes: Hashes,
    slots: Int32s,
) -> None:
    """Hash ids, and find those that lie where they are looked for first: their codes, -1 for the others.

    Step by step for all of them. What one id needs of a large table is far away, and each step needs what the one
    before has found; but one id does not need another's, so that the processor fetches for many at once.
    """
    mask = np.uint64(len(slots) - 1)
    for i in range(first, last):
        digests[i] = xxh64(text, starts[i], ends[i])
    for i in range(first, last):
        codes[i] = slots[digests[i] & mask]
    for i in range(first, last):
        if codes[i] >= 0 and not _may_be(np.uint64(codes[i]), ends[i] - starts[i], digests[i], known_ends, hashes):
            codes[i] = -1
    for i in range(first, last):
        if codes[i] >= 0:
            at, length = np.uint64(_start(np.uint64(codes[i]), known_ends)), np.uint64(ends[i] - starts[i])
            if not is_same(known_text, at, text, np.uint64(starts[i]), length):
                codes[i] = -1


@uncounted
def _start(code: np.uint64, known_ends: Int64s) -> np.int64:
    return known_ends[code - np.uint64(1)] if code > np.uint64(0) else np.int64(0)


@uncounted
def _may_be(code: np.uint64, length: int, digest: np.uint64, known_ends: Int64s, hashes: Hashes) -> bool:
    """Whether an id that is known has this hash and length."""
    return bool(hashes[code] == digest and known_ends[code] - _start(code, known_ends) == length)


@uncounted
def _find(
    text: Bytes,
    start: int,
    length: int,
    digest: np.uint64,
    known_text: Bytes,
    known_ends: Int64s,
    hashes: Hashes,
    slots: Int32s,
) -> np.uint64:
    """The place that holds the code of the id `text[start:start + length]`, or the free one where it belongs."""
    mask = np.uint64(len(slots) - 1)
    place = digest & mask
    while slots[place] >= 0:
        code = np.uint64(slots[place])
        if _may_be(code, length, digest, known_ends, hashes):
            at = np.uint64(_start(code, known_ends))
            if is_same(known_text, at, text, np.uint64(start), np.uint64(length)):
                break
        place = (place + np.uint64(1)) & mask
    return place


@uncounted
def fill(hashes: Hashes, slots: Int32s) -> None:
    """Put all codes into free slots."""
    mask = np.uint64(len(slots) - 1)
    for code in range(len(hashes)):
        place = hashes[code] & mask
        while slots[place] >= 0:
            place = (place + np.uint64(1)) & mask
        slots[place] = code
