"""A lock on a file: between processes, and gone by itself when its holder dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

POLL_S = 0.05


@contextlib.contextmanager
def locked(path: Path, wait_s: float) -> Iterator[int]:
    """Hold the lock of `path` (made if missing) and yield its file descriptor.

    A child process that inherits the descriptor holds the lock too, for as long as it lives, even after
    this context has ended. Raises TimeoutError when somebody else still holds it after `wait_s` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path, wait_s)
        yield descriptor
    finally:
        # Closed, not unlocked: unlocking would take the lock from the children as well.
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{path} is still locked after {wait_s:g} s") from None
            time.sleep(POLL_S)
        else:
            return
