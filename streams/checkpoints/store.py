"""Where checkpoints are kept: a directory, or any place that fsspec knows. Each one is written whole or not at all.

    {root}/{Kafka cluster}/{application}/{agent}-{partition}/{position}-{generation}.checkpoint

A name says how far the state had come, so the newest one sorts last. In a directory a file is written beside its
place, brought to the disk and renamed; in an object store one request puts it there.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import fsspec

from streams.checkpoints.format import Checkpoint, CheckpointError, decode, encode
from streams.errors import ServerError

log = logging.getLogger("upwell")

#: How many checkpoints of a partition are kept: what follows a damaged one is replayed from the one before.
KEPT: Final = 3
_SUFFIX: Final = ".checkpoint"
_HALF: Final = ".part"
_LOCAL: Final = ("file", "local")


class CheckpointStore:
    """The checkpoints of one application on one Kafka cluster.

    Parameters
    ----------
    url
        A directory or an fsspec URL such as `s3://bucket/upwell`.
    folder
        Below that, of this cluster and application: offsets mean nothing elsewhere.

    Attributes
    ----------
    place
        The folder.

    Raises
    ------
    ServerError
        fsspec does not know such a place, or lacks the package for it.
    """

    def __init__(self, url: str, folder: str) -> None:
        try:
            filesystem, root = fsspec.core.url_to_fs(url)
        except Exception as error:  # each of fsspec's file systems has errors of its own
            raise ServerError(f"Checkpoints cannot be kept at {url} ({error}): change UPWELL_CHECKPOINTS.") from None
        self._filesystem: Any = filesystem
        self.place = f"{root.rstrip('/')}/{folder}".rstrip("/")
        protocols = (filesystem.protocol,) if isinstance(filesystem.protocol, str) else filesystem.protocol
        self._is_local = any(protocol in _LOCAL for protocol in protocols)

    def save(self, checkpoint: Checkpoint) -> int:
        """Make a checkpoint durable, let go of old ones, and return its size in bytes.

        Raises
        ------
        OSError
            It could not be written; whatever was there before is still there.
        """
        folder = self._folder(checkpoint.agent, checkpoint.partition)
        name = f"{folder}/{checkpoint.position:020d}-{checkpoint.generation:010d}{_SUFFIX}"
        data = encode(checkpoint)
        with _failures_as_oserror():
            self._write(name, data)
        try:
            self._clear_away(folder, name)
        except OSError as error:
            log.warning("What is older than checkpoint %s could not be removed: %s.", name, error)
        return len(data)

    def newest(self, agent: str, partition: int, is_fit: Callable[[Checkpoint], None]) -> Checkpoint | None:
        """The furthest checkpoint of a partition that is sound, None if there is none.

        One that is damaged, of another version or not whole is passed over with a warning. `is_fit` may raise
        an error that ends it all: a checkpoint that is sound and yet must not be used.

        Raises
        ------
        ServerError
            The place cannot be read, which says nothing about what is there.
        """
        unreadable: OSError | None = None
        try:
            names = self._names(self._folder(agent, partition))
            for path in reversed(names):
                try:
                    checkpoint = decode(self._read(path))
                    if (checkpoint.agent, checkpoint.partition) != (agent, partition):
                        raise CheckpointError(f"it belongs to {checkpoint.agent}-{checkpoint.partition}")
                except (CheckpointError, OSError) as error:
                    if isinstance(error, OSError):
                        unreadable = error
                    log.warning("Checkpoint %s is passed over: %s.", path, error)
                    continue
                is_fit(checkpoint)
                return checkpoint
            if unreadable is not None:
                raise unreadable
            if names:
                log.warning("No checkpoint of %s-%d is sound: all is folded again from Kafka.", agent, partition)
        except OSError as error:
            raise ServerError(
                f"Checkpoints cannot be read at {self.place} ({error}): see that this place can be reached and read, "
                "and start the worker again."
            ) from None
        return None

    def try_out(self) -> None:
        """Write something and take it away again.

        Raises
        ------
        OSError
            That does not work.
        """
        name = f"{self.place}/{uuid.uuid4().hex}"
        with _failures_as_oserror():
            self._write(name, b"upwell")
            self._filesystem.rm_file(name)

    def _clear_away(self, folder: str, newest: str) -> None:
        """Keep a few older checkpoints, and nothing that somebody who was killed has left half written."""
        older = [path for path in self._names(folder) if path < newest]
        halves = [path for path in self._names(folder, _HALF) if path < newest]
        failed: OSError | None = None
        for path in [*older[: 1 - KEPT], *halves]:
            try:
                with _failures_as_oserror():
                    self._filesystem.rm_file(path)
            except OSError as error:
                failed = error
        if failed is not None:
            raise failed

    def _folder(self, agent: str, partition: int) -> str:
        return f"{self.place}/{agent}-{partition}"

    def _names(self, folder: str, suffix: str = _SUFFIX) -> list[str]:
        """Paths of the checkpoints in a folder, the furthest last."""
        self._filesystem.invalidate_cache(folder)
        try:
            with _failures_as_oserror():
                found = self._filesystem.ls(folder, detail=False)
        except FileNotFoundError:
            return []
        if found == [folder]:  # fsspec lists a file as itself
            raise NotADirectoryError(f"{folder} is no directory")
        return sorted(path for path in found if path.endswith(suffix))

    def _read(self, path: str) -> bytes:
        with _failures_as_oserror():
            data: bytes = self._filesystem.cat_file(path)
        return data

    def _write(self, name: str, data: bytes) -> None:
        if not self._is_local:
            self._filesystem.pipe_file(name, data)
            return
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}{_HALF}")
        try:
            write_through(beside, data)
            put_in_place(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


@contextmanager
def _failures_as_oserror() -> Iterator[None]:
    """Libraries of object stores raise what they like when the network fails."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def write_through(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def put_in_place(beside: Path, path: Path) -> None:
    """Rename a file to its final name, and wait until the directory knows on the disk."""
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
