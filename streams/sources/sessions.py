"""Sessions as recommender research publishes them: tab-separated `SessionId ItemId Time`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from online_models.events import Event
from streams.sources.errors import broken_line
from streams.sources.moment import seconds_ms
from streams.sources.table import rows

_COLUMNS: Final = ("SessionId", "ItemId", "Time")


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


def _clicks(path: Path) -> Iterator[tuple[str, str, int]]:
    # Large files name the same few ids over and over: one string each is kept, not one per row.
    known: dict[str, str] = {}
    for line, (session, item, seconds) in rows(path, _COLUMNS, delimiter="\t"):
        try:
            ts = seconds_ms(float(seconds))
        except ValueError as error:
            raise broken_line(path, line, error) from error
        if not session or not item:
            raise broken_line(path, line, "SessionId or ItemId is empty")
        yield known.setdefault(session, session), known.setdefault(item, item), ts
