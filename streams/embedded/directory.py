"""Get a directory ready to be written to, or say plainly why it cannot be."""

import shutil
from pathlib import Path

from streams.errors import ServerError

MIB = 1024 * 1024


def prepare_directory(directory: Path, purpose: str, need_mib: int, instead: str) -> None:
    """Make `directory` and check that it can be written to and has `need_mib` MiB free.

    `purpose` and `instead` complete the sentence of the ServerError that is raised otherwise.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        marker = directory / ".writable"
        marker.write_bytes(b"")
        marker.unlink(missing_ok=True)
        free_mib = shutil.disk_usage(directory).free // MIB
    except OSError as error:
        raise ServerError(f"{purpose} cannot be kept in {directory} ({error.strerror}): {instead}.") from error
    if free_mib < need_mib:
        raise ServerError(
            f"{purpose} cannot be kept in {directory}, which has {free_mib} MiB free of the {need_mib} MiB "
            f"needed: free some space or {instead}."
        )
