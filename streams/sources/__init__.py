"""Files of recorded events, each format turned into the one `Event` (or `Record`) that all else works on."""

from streams.sources.clothing import read_clothing
from streams.sources.errors import SourceError
from streams.sources.events import read_event_lines, read_events
from streams.sources.record import Record, to_records
from streams.sources.rees46 import read_rees46
from streams.sources.registry import SOURCES, Source, bundled, source
from streams.sources.sessions import read_session_events
from streams.sources.taobao import read_taobao

__all__ = [
    "SOURCES",
    "Record",
    "Source",
    "SourceError",
    "bundled",
    "read_clothing",
    "read_event_lines",
    "read_events",
    "read_rees46",
    "read_session_events",
    "read_taobao",
    "source",
    "to_records",
]
