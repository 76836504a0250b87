"""What settings can be: beyond these limits a worker would not start, or would end with its first events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from redis import ConnectionPool

#: The least and the most of numbers; every number is finite and more than 0.
NUMBERS: Final[Mapping[str, tuple[float, float]]] = {
    "partitions": (1, 10_000),
    "item_partitions": (1, 10_000),
    "keep_days": (1.2e-5, 36_500),  # a second: what Redis can count
    "list_length": (1, 1_000),
    "session_gap_minutes": (1e-3, 1e6),
    "half_life_days": (1e-3, 36_500),
    "damping": (0, 1),
    "recent_items": (1, 1_000),
    "step_weight": (0, 1),
    "view_seconds": (0, 1e9),
    "max_event_bytes": (1, 1_000_000),
    "max_future_seconds": (0, 3.2e9),
    "rejection_window_events": (1, 1_000_000_000),
    "max_rejected_share": (0, 1),
    "checkpoint_seconds": (0, 86_400),
    "session_seconds": (1, 1_800),
    "redis_patience_seconds": (0, 86_400),
    "stall_seconds": (0, 86_400),
}
_APPLICATION: Final = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,200}")
_KAFKA: Final = re.compile(r"[^\s/,@]+(,[^\s/,@]+)*")
_DATABASE: Final = re.compile(r"rediss?://[^/]*(/\d*)?|unix://.*", re.DOTALL)


def complaint(name: str, value: object) -> str | None:
    """What is wrong with the value of a setting: how a sentence about it goes on; None where it will do.

    >>> complaint("session_seconds", 0.5)
    'has to be from 1 to 1800'
    >>> complaint("application", "a/b")
    'has to be up to 200 letters, digits, dots, underscores and hyphens, and no dot first'
    """
    if name in NUMBERS and isinstance(value, (int, float)):
        least, most = NUMBERS[name]
        return None if least <= value <= most else f"has to be from {least:g} to {most:.10g}"
    if isinstance(value, str):
        return "has to be text in UTF-8" if re.search("[\ud800-\udfff]", value) else _of_text(name, value)
    return None


def _of_text(name: str, value: str) -> str | None:
    if name == "application" and not _APPLICATION.fullmatch(value):
        return "has to be up to 200 letters, digits, dots, underscores and hyphens, and no dot first"
    if name == "kafka" and not _KAFKA.fullmatch(value):
        return "has to be host:port, or several with commas in between"
    return None


def is_redis_url(url: str) -> bool:
    """Whether redis-py can make a connection of it, with a number for the database if there is one."""
    try:
        ConnectionPool.from_url(url).make_connection()
    except (ValueError, TypeError):
        return False
    return _DATABASE.fullmatch(url.partition("?")[0]) is not None
