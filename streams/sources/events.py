"""The engine's own format: one JSON object per line, as it travels through Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from online_models.events import EVENT_CODES, Event
from streams.sources.errors import broken_line
from streams.sources.files import opened
from streams.sources.moment import epoch_ms
from streams.sources.record import Record


class _Line(msgspec.Struct, gc=False):
    event_id: str
    type: str
    user_id: str
    item_id: str
    ts: int | float | str
    price: float | None = None
    quantity: int | None = None


class _Envelope(msgspec.Struct, gc=False):
    """The little that sending needs, of whatever type a mistaken website gave it."""

    user_id: Any = None
    type: Any = None
    ts: Any = None


_LINES: Final = msgspec.json.Decoder(_Line)
_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)
_NOTHING: Final = _Envelope()

#: 2000 to 2100. A mistaken time must not make a replay at the speed of event time wait for decades.
_PLAUSIBLE_MS: Final = range(946_684_800_000, 4_102_444_800_000)


def read_events(path: Path) -> Iterator[Event]:
    """Yield the event of every line, in file order.

    `ts` may be epoch milliseconds or ISO 8601, in UTC where it names no time zone.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not an event.
    """
    for number, line in _lines(path):
        try:
            event = _event(_LINES.decode(line))
        except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
            raise broken_line(path, number, error) from error
        yield event


def read_event_lines(path: Path) -> Iterator[Record]:
    """Yield every line as it stands, right or wrong, for the engine to accept or reject.

    Key, topic and event time are taken from the line where it has them. Only line ends and empty lines are
    left out.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    for _, line in _lines(path):
        envelope = _envelope(line)
        key = envelope.user_id.encode() if isinstance(envelope.user_id, str) else None
        yield Record(key, line, envelope.type == "purchase", _ts_if_any(envelope.ts))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            bare = line.rstrip(b"\r\n")
            if bare:
                yield number, bare


def _event(line: _Line) -> Event:
    if line.type not in EVENT_CODES:
        raise ValueError(f"type {line.type!r} is none of {', '.join(EVENT_CODES)}")
    price = 0.0 if line.price is None else line.price
    quantity = 1 if line.quantity is None else line.quantity
    return Event(line.event_id, line.type, line.user_id, line.item_id, _ts(line.ts), price, quantity)


def _envelope(line: bytes) -> _Envelope:
    try:
        return _ENVELOPES.decode(line)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return _NOTHING


def _ts(ts: float | str) -> int:
    return epoch_ms(datetime.fromisoformat(ts)) if isinstance(ts, str) else round(ts)


def _ts_if_any(ts: object) -> int | None:
    if not isinstance(ts, int | float | str):
        return None
    try:
        moment = _ts(ts)
    except (ValueError, OverflowError):
        return None
    return moment if moment in _PLAUSIBLE_MS else None
