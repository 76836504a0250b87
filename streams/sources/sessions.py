"""Sessions as recommender research publishes them: tab-separated `SessionId ItemId Time`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final

import msgspec

from online_models.events import Event
from streams.sources.errors import broken_line
from streams.sources.table import rows

_COLUMNS: Final = ("SessionId", "ItemId", "Time")


class Session(msgspec.Struct, frozen=True):
    """One visit: what was looked at, in order of time.

    Attributes
    ----------
    session_id
        Taken as the user id when the session is learned.
    item_ids, times
        One entry per click, in order of time (epoch milliseconds); clicks of the same time in file order.
    """

    session_id: str
    item_ids: list[str]
    times: list[int]


def read_session_events(path: Path) -> Iterator[Event]:
    """Yield every click as a view by the user `SessionId`, in order of time over all sessions.

    Clicks of the same time keep their file order. Ids are made of event time and row number, the same every
    time the file is read. The whole file is held in memory, because it need not be sorted.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not a click.
    """
    clicks = [(ts, row, session, item) for row, (session, item, ts) in enumerate(_clicks(path), 1)]
    clicks.sort()
    for ts, row, session, item in clicks:
        yield Event(f"sessions-{ts}-{row}", "view", session, item, ts)


def read_sessions(path: Path) -> list[Session]:
    """Return the sessions in the order of their **last** click; those that end together, in file order.

    So when a session is tested and learned in turn, nothing learned before it lies after its end.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not a click.
    """
    clicks = defaultdict(list)
    for session, item, ts in _clicks(path):
        clicks[session].append((ts, item))
    sessions = [_session(name, of_one) for name, of_one in clicks.items()]
    sessions.sort(key=lambda session: session.times[-1])
    return sessions


def _session(name: str, clicks: list[tuple[int, str]]) -> Session:
    clicks.sort(key=itemgetter(0))
    return Session(name, [item for _, item in clicks], [ts for ts, _ in clicks])


def _clicks(path: Path) -> Iterator[tuple[str, str, int]]:
    # Large files name the same few ids over and over: one string each is kept, not one per row.
    known: dict[str, str] = {}
    for line, (session, item, seconds) in rows(path, _COLUMNS, delimiter="\t"):
        try:
            ts = _milliseconds(seconds)
        except ValueError as error:
            raise broken_line(path, line, error) from error
        if not session or not item:
            raise broken_line(path, line, "SessionId or ItemId is empty")
        yield known.setdefault(session, session), known.setdefault(item, item), ts


def _milliseconds(seconds: str) -> int:
    value = float(seconds)
    if not math.isfinite(value):
        raise ValueError(f"Time {seconds!r} is not a number of seconds")
    return round(value * 1000)
