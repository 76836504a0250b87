"""The engine's own format: one JSON object per line, as it travels through Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from online_models.events import Event
from streams.decoding import Decoder, Rejection
from streams.event_limits import EARLIEST_MS, LATEST_MS
from streams.records import Record as InKafka
from streams.sources.errors import broken_line
from streams.sources.files import opened
from streams.sources.moment import epoch_ms
from streams.sources.record import Record


class _Envelope(msgspec.Struct, gc=False):
    """The little that sending needs, of whatever type a mistaken website gave it."""

    user_id: Any = None
    type: Any = None
    ts: Any = None


_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)
_NOTHING: Final = _Envelope()

#: 2000 to 2100. A mistaken time must not make a replay at the speed of event time wait for decades.
_PLAUSIBLE_MS: Final = range(EARLIEST_MS, 4_102_444_800_000)
#: A record may have a megabyte, unless a broker was told otherwise; this leaves room for its key and headers.
_LONGEST_LINE: Final = 1_000_000


def read_events(path: Path) -> Iterator[Event]:
    """Yield the event of every line, which must be in the order of `ts`.

    A line has to be what a worker accepts (`streams.decoding`), and an id that was there before is passed over, as a
    worker does.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not an event or is earlier than the one before it.
    """
    decoder, known, latest = Decoder(_LONGEST_LINE, 0.0), set[str](), 0
    for number, line in _lines(path):
        event = decoder.decode_one(InKafka(path.name, 0, number, LATEST_MS, _key(_envelope(line)), line))
        if isinstance(event, Rejection):
            raise broken_line(path, number, f"{event.reason}, {event.detail}")
        if event.ts < latest:
            raise broken_line(path, number, "this is earlier than the line before", "sort the file by ts")
        latest = event.ts
        if event.event_id not in known:
            known.add(event.event_id)
            yield event


def read_event_lines(path: Path) -> Iterator[Record]:
    """Yield every line as it stands, right or wrong, for the engine to accept or reject.

    Key, topic and event time are taken from the line where it has them. Only line ends and empty lines are
    left out.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is longer than Kafka takes.
    """
    for _, line in _lines(path):
        envelope = _envelope(line)
        yield Record(_key(envelope), line, envelope.type == "purchase", _ts_if_any(envelope.ts))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            bare = line.rstrip(b"\r\n")
            if len(bare) > _LONGEST_LINE:
                raise broken_line(path, number, f"it has {len(bare):,} bytes, and Kafka takes {_LONGEST_LINE:,}")
            if bare:
                yield number, bare


def _key(envelope: _Envelope) -> bytes | None:
    return envelope.user_id.encode() if isinstance(envelope.user_id, str) else None


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
