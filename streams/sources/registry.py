"""Every format that can be replayed, by the name it has on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from online_models.events import Event
from streams.errors import SettingsError
from streams.sources.clothing import read_clothing
from streams.sources.events import read_event_lines, read_events
from streams.sources.record import Record, to_records
from streams.sources.rees46 import read_rees46
from streams.sources.sessions import read_session_events
from streams.sources.taobao import read_taobao


@dataclass(frozen=True)
class Source:
    """One format of file.

    Attributes
    ----------
    name, summary
        What to call it, and one line for a help text.
    read
        Yields the events of a file, in event-time order.
    read_records
        Yields what replaying a file publishes; for most formats the encoded events.
    """

    name: str
    summary: str
    read: Callable[[Path], Iterator[Event]]
    read_records: Callable[[Path], Iterator[Record]]


def _encoding(name: str, summary: str, read: Callable[[Path], Iterator[Event]]) -> Source:
    return Source(name, summary, read, lambda path: to_records(read(path)))


_ALL: Final = (
    Source("events", "JSON lines, one event each, published unchanged", read_events, read_event_lines),
    _encoding("rees46", "REES46 multi-category shop (csv)", read_rees46),
    _encoding("clothing", "UCI 553, clicks of a clothing shop (zip); the time of day is made up", read_clothing),
    _encoding("taobao", "Taobao user behaviour (csv, sorted by ts)", read_taobao),
    _encoding("sessions", "SessionId, ItemId, Time (tsv), as used in research", read_session_events),
)
SOURCES: Final[Mapping[str, Source]] = {source.name: source for source in _ALL}

_BUNDLED: Final = {"rees46": "rees46-2019-10-01.csv.gz", "clothing": "eshop-clothing-2008.zip"}


def source(name: str) -> Source:
    """Look up a format by name.

    Raises
    ------
    SettingsError
        There is no such format.
    """
    if name not in SOURCES:
        raise SettingsError(f"{name!r} is not a format of events; choose one of {', '.join(SOURCES)}")
    return SOURCES[name]


def bundled(name: str) -> Path:
    """Path of the data set of that format which comes with upwell (see `bundled/ATTRIBUTION.md`).

    Raises
    ------
    SettingsError
        No data of that format is bundled.

    >>> bundled("clothing").name
    'eshop-clothing-2008.zip'
    """
    if name not in _BUNDLED:
        raise SettingsError(f"no data of the format {name!r} is bundled; choose one of {', '.join(_BUNDLED)}")
    return Path(__file__).with_name("bundled") / _BUNDLED[name]
