"""Any file of events that is known here, recognised by its header line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from online_models.events import Event
from streams.errors import SettingsError
from streams.evaluating.movielens import read_movielens
from streams.sources import read_clothing, read_events, read_rees46, read_session_events, read_taobao
from streams.sources.files import opened

#: What a shopper acts on.
LEVELS: Final = ("item", "category")
_NO_GAP_MINUTES: Final = 60 * 24 * 365 * 10.0

_Reader = Callable[[Path], Iterator[Event]]
#: A column that only the files of one format have: how to read items, and how categories, if there are any.
_FORMATS: Final[dict[str, tuple[_Reader, _Reader | None]]] = {
    "behavior": (read_taobao, partial(read_taobao, item="category_id")),
    "event_time": (read_rees46, partial(read_rees46, item="category_id")),
    "SessionId": (read_session_events, None),
    "clothing model": (read_clothing, None),
    "rating:float": (read_movielens, None),
}


def read_recording(path: Path, level: str = "item") -> Iterator[Event]:
    """Yield the events of a file, in order of time; JSON lines (.jsonl, .jsonl.gz) by the name.

    Parameters
    ----------
    path
        Plain, gzipped, or the only file in a zip.
    level
        One of `LEVELS`; at "category" an event is on the category of its item.

    Raises
    ------
    SettingsError
        The file has no categories.
    SourceError
        The file cannot be read.
    """
    items, categories = _readers(path)
    if level == "item":
        return items(path)
    if categories is None:
        raise SettingsError(f"{path} has no categories that are known here; leave out --level category")
    return categories(path)


def session_gap_minutes(path: Path, usual: float) -> float:
    """When a session is over: `usual`, but no pause ends one where the file says itself where sessions end."""
    return _NO_GAP_MINUTES if _readers(path)[0] in (read_session_events, read_clothing) else usual


def _readers(path: Path) -> tuple[_Reader, _Reader | None]:
    if any(suffix in (".jsonl", ".json", ".ndjson") for suffix in path.suffixes):
        return read_events, None
    with opened(path) as stream:
        header = stream.readline().decode("utf-8", "replace")
    return next((readers for column, readers in _FORMATS.items() if column in header), (read_session_events, None))
