"""Open a file of events as it was downloaded: plain, gzipped, or the only file in a zip."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from streams.sources.errors import SourceError

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Give the unpacked bytes of a file; its first bytes, not its name, tell how it is packed.

    Raises
    ------
    SourceError
        The file is missing, unreadable or damaged; also while it is being read inside the `with` block.
    """
    try:
        with path.open("rb") as packed, _unpacked(path, packed) as stream:
            # A GzipFile hands out lines in Python; behind a buffer it is several times faster.
            yield io.BufferedReader(cast(io.RawIOBase, stream), 1 << 16)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} is damaged ({error}); fetch it again") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}); check the path") from error


def _unpacked(path: Path, packed: io.BufferedReader) -> IO[bytes] | gzip.GzipFile:
    start = packed.peek(4)
    if start.startswith(_GZIP):
        return gzip.open(packed)
    if start.startswith(_ZIP):
        archive = zipfile.ZipFile(packed)
        names = archive.namelist()
        if len(names) != 1:
            raise SourceError(f"{path} holds {len(names)} files where one is expected; unpack it and name one")
        try:
            return archive.open(names[0])
        except (RuntimeError, NotImplementedError) as error:  # it has a password, or was packed in a way of its own
            raise SourceError(f"{path} cannot be unpacked here ({error}); unpack it first") from error
    return packed
