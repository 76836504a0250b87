"""XXH64, the hash function, over bytes in an array: the same numbers as every other implementation gives.

Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, with seed 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Bytes
from online_models.uncounted import uncounted
from online_models.words import half_word, word

_PRIME1: Final = np.uint64(0x9E3779B185EBCA87)
_PRIME2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME3: Final = np.uint64(0x165667B19E3779F9)
_PRIME4: Final = np.uint64(0x85EBCA77C2B2AE63)
_PRIME5: Final = np.uint64(0x27D4EB2F165667C5)
_NOTHING: Final = np.uint64(0)


@uncounted
def xxh64(text: Bytes, start: int, end: int) -> np.uint64:
    """The hash of `text[start:end]`."""
    at, last = np.uint64(start), np.uint64(end)
    length = last - at
    digest = _PRIME5
    if length >= np.uint64(32):
        at, digest = _stripes(text, at, last)
    digest = digest + length
    while at + np.uint64(8) <= last:
        digest = _rotated(digest ^ _round(_NOTHING, word(text, at)), np.uint64(27)) * _PRIME1 + _PRIME4
        at += np.uint64(8)
    if at + np.uint64(4) <= last:
        digest = _rotated(digest ^ (half_word(text, at) * _PRIME1), np.uint64(23)) * _PRIME2 + _PRIME3
        at += np.uint64(4)
    while at < last:
        digest = _rotated(digest ^ (np.uint64(text[at]) * _PRIME5), np.uint64(11)) * _PRIME1
        at += np.uint64(1)
    digest = (digest ^ (digest >> np.uint64(33))) * _PRIME2
    digest = (digest ^ (digest >> np.uint64(29))) * _PRIME3
    return digest ^ (digest >> np.uint64(32))


@uncounted
def _stripes(text: Bytes, at: np.uint64, end: np.uint64) -> tuple[np.uint64, np.uint64]:
    """All whole stripes of 32 bytes: where they end, and their hash."""
    a, b, c, d = _PRIME1 + _PRIME2, _PRIME2, _NOTHING, _NOTHING - _PRIME1
    while at + np.uint64(32) <= end:
        a = _round(a, word(text, at))
        b = _round(b, word(text, at + np.uint64(8)))
        c = _round(c, word(text, at + np.uint64(16)))
        d = _round(d, word(text, at + np.uint64(24)))
        at += np.uint64(32)
    digest = _rotated(a, np.uint64(1)) + _rotated(b, np.uint64(7))
    digest = digest + _rotated(c, np.uint64(12)) + _rotated(d, np.uint64(18))
    for lane in (a, b, c, d):
        digest = (digest ^ _round(_NOTHING, lane)) * _PRIME1 + _PRIME4
    return at, digest


@uncounted
def _round(lane: np.uint64, word: np.uint64) -> np.uint64:
    return _rotated(lane + word * _PRIME2, np.uint64(31)) * _PRIME1


@uncounted
def _rotated(word: np.uint64, bits: np.uint64) -> np.uint64:
    return (word << bits) | (word >> (np.uint64(64) - bits))
