"""Where compiled kernels are kept, so that one is found only whole, and only if it is what its sources say.

numba has an index per function, and numbers its files. Where a process is killed between the two, the disk is full, or
two compile at once, an index may name the machine code of other sources or of other types; and what cannot be read ends
every process that looks at it. Here each kernel has files of its own, named after all that it was compiled from.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile
from xxhash import xxh64_hexdigest


class KernelFiles:
    """What numba takes for its own `IndexDataCacheFile`.

    Parameters
    ----------
    folder, function
        Where files are kept, and what those of a function begin with.
    sources
        A hash of all that the function is compiled from.
    """

    def __init__(self, folder: str, function: str, sources: str) -> None:
        self._folder = folder
        self._function = function
        self._sources = sources

    def load(self, key: Any) -> Any:
        """The kernel for types and a processor; None if it is not there, or cannot be read."""
        # A file that was cut short makes `pickle` raise whatever it comes upon.
        with contextlib.suppress(Exception):
            return self._file(key).load(key)
        return None

    def save(self, key: Any, kernel: Any) -> None:
        """Keep a kernel, in place of what older sources left; where there is no room it is compiled again next time."""
        with contextlib.suppress(OSError):
            self._remove_older()
            file = self._file(key)
            file.flush()  # whatever is there could not be read
            file.save(key, kernel)

    def flush(self) -> None:
        """Keep nothing."""
        for path in Path(self._folder).glob(f"{self._function}[-.]*nb[ic]"):
            path.unlink(missing_ok=True)

    def _file(self, key: Any) -> Any:
        name = f"{self._function}-{self._sources}-{xxh64_hexdigest(repr(key).encode())}"
        return IndexDataCacheFile(self._folder, name, self._sources)  # type: ignore[no-untyped-call]

    def _remove_older(self) -> None:
        for path in Path(self._folder).glob(f"{self._function}[-.]*nb[ic]"):
            if not path.name.startswith(f"{self._function}-{self._sources}-"):
                path.unlink(missing_ok=True)
