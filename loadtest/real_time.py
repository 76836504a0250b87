"""Real-time priority, to see what a server takes itself, without what it takes to get a core that others use."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis

from streams.errors import SettingsError


def put_redis_first(url: str) -> None:
    """Let a Redis of this machine go before all others on it; see `put_first`."""
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
        raise SettingsError(f"--first is about cores that are shared, and {url} is another machine: leave it out.")
    with Redis.from_url(url) as redis:
        put_first(int(redis.info("server")["process_id"]))


def put_first(process: int) -> None:
    """Let all threads of a process go before all others on this machine (SCHED_FIFO).

    Raises
    ------
    SettingsError
        It is not Linux, or the process may not do that.
    """
    if not hasattr(os, "SCHED_FIFO"):
        raise SettingsError("--first needs Linux: leave it out.")
    try:
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        raise SettingsError(
            "--first needs the right to set real-time priority: run as root, or leave it out."
        ) from None
