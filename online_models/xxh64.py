"""XXH64, the hash function, over bytes in an array: the same numbers as every other implementation gives.

Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, with seed 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Bytes, compiled

_PRIME1: Final = np.uint64(0x9E3779B185EBCA87)
_PRIME2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME3: Final = np.uint64(0x165667B19E3779F9)
_PRIME4: Final = np.uint64(0x85EBCA77C2B2AE63)
_PRIME5: Final = np.uint64(0x27D4EB2F165667C5)
_NOTHING: Final = np.uint64(0)


@compiled
def xxh64(text: Bytes, start: int, end: int) -> np.uint64:
    """The hash of `text[start:end]`."""
    at, digest = start, _PRIME5
    if end - start >= 32:
        at, digest = _stripes(text, start, end)
    digest = digest + np.uint64(end - start)
    while at + 8 <= end:
        digest = _rotated(digest ^ _round(_NOTHING, _word(text, at, 8)), np.uint64(27)) * _PRIME1 + _PRIME4
        at += 8
    if at + 4 <= end:
        digest = _rotated(digest ^ (_word(text, at, 4) * _PRIME1), np.uint64(23)) * _PRIME2 + _PRIME3
        at += 4
    while at < end:
        digest = _rotated(digest ^ (np.uint64(text[at]) * _PRIME5), np.uint64(11)) * _PRIME1
        at += 1
    digest = (digest ^ (digest >> np.uint64(33))) * _PRIME2
    digest = (digest ^ (digest >> np.uint64(29))) * _PRIME3
    return digest ^ (digest >> np.uint64(32))


@compiled
def _stripes(text: Bytes, start: int, end: int) -> tuple[int, np.uint64]:
    """All whole stripes of 32 bytes: where they end, and their hash."""
    at = start
    a, b, c, d = _PRIME1 + _PRIME2, _PRIME2, _NOTHING, _NOTHING - _PRIME1
    while at + 32 <= end:
        a = _round(a, _word(text, at, 8))
        b = _round(b, _word(text, at + 8, 8))
        c = _round(c, _word(text, at + 16, 8))
        d = _round(d, _word(text, at + 24, 8))
        at += 32
    digest = _rotated(a, np.uint64(1)) + _rotated(b, np.uint64(7))
    digest = digest + _rotated(c, np.uint64(12)) + _rotated(d, np.uint64(18))
    for lane in (a, b, c, d):
        digest = (digest ^ _round(_NOTHING, lane)) * _PRIME1 + _PRIME4
    return at, digest


@compiled
def _round(lane: np.uint64, word: np.uint64) -> np.uint64:
    return _rotated(lane + word * _PRIME2, np.uint64(31)) * _PRIME1


@compiled
def _rotated(word: np.uint64, bits: np.uint64) -> np.uint64:
    return (word << bits) | (word >> (np.uint64(64) - bits))


@compiled
def _word(text: Bytes, at: int, length: int) -> np.uint64:
    """So many bytes as a little-endian number."""
    word = _NOTHING
    for k in range(length):
        word |= np.uint64(text[at + k]) << np.uint64(8 * k)
    return word
