"""Bytes from Kafka become events, or rejections that say what is wrong with them.

| reason | the record |
|---|---|
| `empty` | has no value |
| `too_large` | is longer than `max_event_bytes` |
| `malformed` | is not JSON in UTF-8 (NaN and Infinity are not JSON), or is nested too deeply |
| `missing_field` | lacks a required field |
| `wrong_type` | has a field of the wrong type |
| `out_of_range` | has a number no shop means: price 0 … 1e9, quantity 0 … 100,000 |
| `unknown_type` | has a `type` that is not in `online_models.events.EVENT_TYPES` |
| `bad_id` | has an id that is empty, longer than 128 characters, or holds control or pattern characters |
| `bad_time` | has a `ts` that is not ISO-8601, epoch ms, or in the years 2000 to 9999, or no Kafka timestamp |
| `time_in_future` | has a `ts` too far after the time Kafka received it |
| `key_mismatch` | has a Kafka key that is not its `user_id`, so it may be in the wrong partition |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

import msgspec

from online_models.events import EVENT_CODES, Event
from streams.event_limits import EARLIEST_MS, HIGHEST_PRICE, LATEST_MS, LONGEST_ID, MOST_PIECES
from streams.quick_decoding import Scanner
from streams.records import Record

_LONGEST_DETAIL: Final = 200
_HOSTILE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff*?\[\]{}\\]")


class _Wire(msgspec.Struct, gc=False):
    """The event as websites publish it; other fields are passed over."""

    event_id: str
    type: str
    user_id: str
    item_id: str
    ts: int | float | str
    price: Annotated[float, msgspec.Meta(ge=0, le=HIGHEST_PRICE)] | None = None
    quantity: Annotated[int, msgspec.Meta(ge=0, le=MOST_PIECES)] | None = None
    session_id: str | None = None
    currency: str | None = None
    order_id: str | None = None
    properties: dict[str, str | int | float | bool | None] | None = None


@dataclass(frozen=True)
class Rejection:
    """A record that is no event: the record as it came, the reason code, and a few words for a person."""

    record: Record
    reason: str
    detail: str


class _RefusedError(Exception):
    """Why a record is no event; never leaves this file."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Decoder:
    """Turns records into events.

    Parameters
    ----------
    max_event_bytes
        Longer records are rejected unread.
    max_future_seconds
        An event this far after its record's Kafka timestamp is rejected; one that is less so gets that timestamp.

    Attributes
    ----------
    scanner
        Reads most events faster; `decode_one` is for what it leaves.
    """

    def __init__(self, max_event_bytes: int, max_future_seconds: float) -> None:
        self.max_event_bytes = max_event_bytes
        self.max_future_ms = int(max_future_seconds * 1000)
        self.scanner = Scanner(self.max_event_bytes, self.max_future_ms)
        self._wire = msgspec.json.Decoder(_Wire)

    def decode_one(self, record: Record) -> Event | Rejection:
        """The event a record holds, or why there is none."""
        try:
            return self._decode(record)
        except _RefusedError as refused:
            return Rejection(record, refused.reason, refused.detail[:_LONGEST_DETAIL])

    def _decode(self, record: Record) -> Event:
        wire = self._parse(record.value)
        if wire.type not in EVENT_CODES:
            raise _RefusedError("unknown_type", f"type is {wire.type!r}, known are {', '.join(EVENT_CODES)}")
        if not (_is_clean(wire.user_id) and _is_clean(wire.item_id) and _is_clean_once(wire.event_id)):
            raise _RefusedError("bad_id", _complaint(wire))
        if record.key is None or record.key != wire.user_id.encode():
            key = "none" if record.key is None else repr(record.key[:40])
            raise _RefusedError("key_mismatch", f"the record's key has to be the user_id, and is {key}")
        ts = _milliseconds(wire.ts)
        if record.timestamp < 0:  # to an event of the year 9999 all others would be long forgotten
            raise _RefusedError("bad_time", "the record has no Kafka timestamp to hold ts against")
        if ts > LATEST_MS:
            raise _RefusedError("bad_time", f"ts is {wire.ts!r:.40}, after the year 9999: milliseconds are expected")
        if ts > record.timestamp + self.max_future_ms:
            raise _RefusedError(
                "time_in_future", f"ts is {(ts - record.timestamp) // 1000} s after the record's Kafka timestamp"
            )
        ts = min(ts, record.timestamp)  # a clock that is fast would end the sessions of everybody else
        price = 0.0 if wire.price is None else wire.price + 0.0
        quantity = 1 if wire.quantity is None else wire.quantity
        return Event(wire.event_id, wire.type, wire.user_id, wire.item_id, ts, price, quantity)

    def _parse(self, value: bytes | None) -> _Wire:
        if not value:
            raise _RefusedError("empty", "the record has no value")
        if len(value) > self.max_event_bytes:
            raise _RefusedError("too_large", f"{len(value)} bytes, the limit is {self.max_event_bytes}")
        try:
            return self._wire.decode(value)
        except msgspec.ValidationError as error:
            raise _RefusedError(_kind(str(error)), str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _RefusedError("malformed", str(error)) from None
        except RecursionError:
            raise _RefusedError("malformed", "nested too deeply") from None


def _kind(complaint: str) -> str:
    if "missing required field" in complaint:
        return "missing_field"
    if "out of range" in complaint or "<=" in complaint or ">=" in complaint:
        return "out_of_range"
    return "wrong_type"


def _is_clean_once(text: str) -> bool:
    return 0 < len(text) <= LONGEST_ID and _HOSTILE.search(text) is None


#: Shoppers and items come again and again; event ids do not.
_is_clean = lru_cache(maxsize=1 << 17)(_is_clean_once)


def _complaint(wire: _Wire) -> str:
    for name in ("event_id", "user_id", "item_id"):
        text = getattr(wire, name)
        if not text:
            return f"{name} is empty"
        if len(text) > LONGEST_ID:
            return f"{name} has {len(text)} characters, the limit is {LONGEST_ID}"
        if _HOSTILE.search(text):
            return f"{name} holds a control character or one of * ? [ ] {{ }} \\"
    raise AssertionError("called for an event whose ids are clean")


def _milliseconds(ts: int | float | str) -> int:
    moment = _from_iso(ts) if isinstance(ts, str) else ts
    if moment < EARLIEST_MS:
        seconds = moment >= EARLIEST_MS // 1000 and not isinstance(ts, str)
        hint = ", as if it were in seconds: milliseconds are expected" if seconds else ""
        raise _RefusedError("bad_time", f"ts is {ts!r}, before the year 2000{hint}")
    return round(moment)


def _from_iso(text: str) -> float:
    """Epoch milliseconds; a time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        raise _RefusedError("bad_time", f"ts is {text[:40]!r}, which is not ISO-8601") from None
