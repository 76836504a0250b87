"""Profiles as `user:` hashes: what is counted of each shopper and what the models make of it, packed for Redis."""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Bytes, Floats, Int32s, Int64s, Structs, compiled
from online_models.events import EVENT_TYPES
from online_models.spelling import Spelling
from streams.number_text import put_millionths

#: Of a `user:` hash, in the order of its packed values. Left out are counts and money of nothing, and propensity and
#: segment where no model can tell.
FIELDS: Final = (
    "events", *EVENT_TYPES, "sessions", "spend", "first_seen", "last_seen", "propensity", "segment",
)  # fmt: skip
_MODELLED: Final = 2
#: In msgpack: leaves a field out.
_FALSE: Final = 0xC2
#: Spend and propensity are texts: what a text begins with, 13 digits, a point and six decimals. All else are whole
#: numbers of nine bytes. And how many there are.
_MOST_BYTES: Final = 1 + 2 * (1 + 20) + 9 * (len(FIELDS) - 2)
#: Less than this is written as 0.0.
_LEAST: Final = 5e-7
#: Beyond this a float has no millionths, nor is any shopper so rich.
_MOST: Final = 9e12


def packed_profiles(records: Structs, segments: Int32s, propensity: Floats | None) -> Spelling:
    """A msgpack list of values of each shopper, false for what is left out; see https://github.com/msgpack/msgpack/blob/master/spec.md.

    Parameters
    ----------
    records
        Of dtype `SHOPPER`.
    segments
        -1 for none.
    propensity
        None for no model.
    """
    n = len(records)
    whole = np.empty((n, len(FIELDS) - _MODELLED - 1), np.int64)
    counts = records["counts"]
    whole[:, 0], whole[:, 1 : 1 + len(EVENT_TYPES)] = counts.sum(axis=1), counts
    whole[:, -3], whole[:, -2], whole[:, -1] = records["sessions"], records["first_seen"], records["last_seen"]
    spend = np.ascontiguousarray(records["spend"])
    out, ends = np.empty(n * _MOST_BYTES, np.uint8), np.empty(n, np.int64)
    scored = np.full(n, np.nan) if propensity is None else propensity
    _pack(whole, spend, scored, segments, out, ends)
    return Spelling(out[: ends[-1] if n else 0], ends)


@compiled
def _pack(whole: Int64s, spend: Floats, propensity: Floats, segments: Int32s, out: Bytes, ends: Int64s) -> None:
    at, before_spend = 0, whole.shape[1] - 2
    for n in range(len(whole)):
        has_propensity = not np.isnan(propensity[n])
        has_segment = has_propensity and segments[n] >= 0
        out[at] = 0x90 | (whole.shape[1] + 1 + has_propensity + has_segment)  # a list of at most 15
        at += 1
        for j in range(before_spend):
            at = _integer(whole[n, j], at, out) if whole[n, j] else _nothing(at, out)
        at = _decimal(spend[n], at, out) if spend[n] >= _LEAST else _nothing(at, out)
        for j in range(before_spend, whole.shape[1]):
            at = _integer(whole[n, j], at, out)
        if has_propensity:
            at = _decimal(propensity[n], at, out)
        if has_segment:
            at = _integer(segments[n], at, out)
        ends[n] = at


@compiled
def _nothing(at: int, out: Bytes) -> int:
    out[at] = _FALSE
    return at + 1


@compiled
def _integer(number: int, at: int, out: Bytes) -> int:
    """A whole number, small ones in a byte, all others in nine."""
    if 0 <= number < 128:
        out[at] = number
        return at + 1
    out[at] = 0xD3
    for k in range(8):
        out[at + 1 + k] = (number >> (56 - 8 * k)) & 0xFF
    return at + 9


@compiled
def _decimal(number: float, at: int, out: Bytes) -> int:
    """A number from 0 on, with up to six decimals, as a text of at most 20 bytes."""
    end = put_millionths(int(np.rint(min(number, _MOST) * 1e6)), at + 1, out)
    out[at] = 0xA0 | (end - at - 1)
    return end
