"""Records made by somebody who means harm: numbers that poison sums, bombs for parsers, ids that are commands."""

from __future__ import annotations

from random import Random
from typing import Final

_GOOD: Final = {
    "event_id": b'"h-%(number)d"',
    "type": b'"view"',
    "user_id": b'"%(user)b"',
    "item_id": b'"i1"',
    "ts": b"1735689600000",
}

#: Numbers that must never reach a model.
_NUMBERS: Final = (
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1e300", b"-1", b"-0.01", b"9223372036854775808",
    b"9" * 5_000, b"0x10", b"1_000", b'"1"', b"true", b"[1]", b"null1",
)  # fmt: skip
_BOMBS: Final = (
    b"[" * 50_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(6_000)) + b"}",
    b'"' + b"\\u0041" * 10_000 + b'"',
    b'{"event_id":"' + b"x" * 60_000 + b'"}',
)
#: As JSON strings.
_IDS: Final = (
    b'""', b'"*"', b'"?"', b'"[a-z]"', b'"{0}"', b'"a\\nb"', b'"a\\u0000b"', b'"a\\r\\nFLUSHALL\\r\\n"', b'"\\ud800"',
    b'"' + b"x" * 10_000 + b'"', b'"\\u202e"', b"7", b"null", b"[]", b"{}", b"true",
)  # fmt: skip

#: How many kinds there are.
HOSTILE: Final = 4


def hostile_value(kind: int, rng: Random, user: bytes, number: int) -> bytes:
    """A record that has to be rejected; `number` makes it different from others.

    >>> hostile_value(0, Random(5), b"ada", 7)[:30]
    b'{"event_id":"h-7","type":"view'
    """
    if kind == 0:
        field = rng.choice(("price", "quantity"))
        value = rng.choice([wrong for wrong in _NUMBERS if field != "price" or wrong != b"1e300"])
        return _event(user, number, **{field: value})
    if kind == 1:
        return _event(user, number, ts=rng.choice((b"NaN", b"1e400", b"-1", b"9" * 30, b"1.5e308", b"{}")))
    if kind == 2:
        return rng.choice(_BOMBS)
    return _event(user, number, item_id=rng.choice(_IDS))


def _event(user: bytes, number: int, **wrong: bytes) -> bytes:
    fields = {name: value % {b"user": user, b"number": number} for name, value in _GOOD.items()} | wrong
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), value) for name, value in fields.items())
