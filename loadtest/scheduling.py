"""Who goes first on cores that all share: Linux's real-time class, its ordinary one, or its idle one."""

from __future__ import annotations

import argparse
import contextlib
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
        _put(process, os.SCHED_FIFO, 1)
    except PermissionError:
        raise SettingsError(
            "--first needs the right to set real-time priority: run as root, or leave it out."
        ) from None


def put_last(process: int) -> None:
    """Let everything else on this machine go before all threads of a process, and those that they will begin
    (SCHED_IDLE), as `chrt --idle 0` does; anybody may do that.

    Raises
    ------
    SettingsError
        It is not Linux.
    """
    if not hasattr(os, "SCHED_IDLE"):
        raise SettingsError("--background needs Linux: leave it out.")
    _put(process, os.SCHED_IDLE, 0)


def add_background(parser: argparse.ArgumentParser) -> None:
    """The option that lets the worker and the embedded Kafka step back."""
    parser.add_argument(
        "--background",
        action="store_true",
        help="let everything else go before the worker and the embedded Kafka, as `chrt --idle 0` does (Linux)",
    )


def _put(process: int, policy: int, priority: int) -> None:
    for thread in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # threads come and go
            os.sched_setscheduler(int(thread.name), policy, os.sched_param(priority))
