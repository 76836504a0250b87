"""What a shop's mistaken websites send: records that upwell has to set aside, and the reason it has to give."""

from __future__ import annotations

from typing import Final

from streams.event_limits import LONGEST_ID

_FAR_AHEAD_MS: Final = 4_102_444_800_000  # the year 2100
_GOOD: Final = {
    "event_id": b'"bad-%(number)d"',
    "type": b'"view"',
    "user_id": b'"%(user)b"',
    "item_id": b'"i1"',
    "ts": b"1735689600000",
}


def _but(**wrong: bytes | None) -> bytes:
    """A good event but for some fields; None leaves one out."""
    fields = {**_GOOD, **wrong}
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), value) for name, value in fields.items() if value)


#: Reason and value, in which `user` is also the record's key and `number` makes each one different.
BAD_EVENTS: Final[tuple[tuple[str, bytes], ...]] = (
    ("empty", b""),
    ("malformed", b"view of lamp by %(user)b"),
    ("malformed", b'{"event_id":"bad-%(number)d","type":"view","user_id":"%(user)b"'),
    ("malformed", b'{"event_id":"bad-%(number)d\xff\xfe"}'),
    ("malformed", _but(price=b"NaN")),
    ("missing_field", b"{}"),
    ("missing_field", _but(item_id=None)),
    ("missing_field", _but(ts=None)),
    ("wrong_type", b"[%(number)d]"),
    ("wrong_type", _but(event_id=b"%(number)d")),
    ("wrong_type", _but(price=b'"12.50"')),
    ("out_of_range", _but(price=b"-1")),
    ("out_of_range", _but(quantity=b"100001")),
    ("unknown_type", _but(type=b'"viewed"')),
    ("bad_id", _but(item_id=b'""')),
    ("bad_id", _but(item_id=b'"lamp*"')),
    ("bad_id", _but(item_id=b'"lamp\\u0000"')),
    ("bad_id", _but(item_id=b'"%b"' % (b"x" * (LONGEST_ID + 1)))),
    ("bad_time", _but(ts=b"1735689600")),
    ("bad_time", _but(ts=b'"yesterday"')),
    ("time_in_future", _but(ts=b"%d" % _FAR_AHEAD_MS)),
    ("key_mismatch", _but(user_id=b'"not %(user)b"')),
    ("too_large", _but(note=b'"%b"' % (b"x" * 70_000))),
)


def bad_value(kind: int, user: bytes, number: int) -> bytes:
    """The value of a bad event: its kind as position in `BAD_EVENTS`, the user in its key, and a number of its own.

    >>> bad_value(1, b"ada", 7)
    b'view of lamp by ada'
    """
    return BAD_EVENTS[kind][1] % {b"user": user, b"number": number}
