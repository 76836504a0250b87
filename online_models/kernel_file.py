"""A kernel on disk is taken only whole, and only if it was compiled from what it should be.

numba has an index and a file of machine code for each function. Where a process is killed between the two, the disk is
full, or several compile at once, the index may name the code of other sources or types; and what was cut short ends
every process that looks at it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from numba.core.caching import IndexDataCacheFile


class KernelFile(IndexDataCacheFile):
    """What numba keeps of a function, with a label that says what it was compiled from.

    Parameters
    ----------
    folder, function
        Where files are kept, and what those of a function begin with.
    sources
        A hash of all that the function is compiled from.
    """

    def __init__(self, folder: str, function: str, sources: str) -> None:
        super().__init__(folder, function, sources)  # type: ignore[no-untyped-call]
        # Looked at before the rest of the index, which may name a class that is gone.
        self._version = f"{self._version} {sources}"

    def load(self, key: Any) -> Any:
        """The kernel for types and a processor; None if it is not there, cannot be read, or is another."""
        with suppress(Exception):  # `pickle` raises whatever it comes upon in what was cut short
            label, kernel = super().load(key)  # type: ignore[no-untyped-call]
            if label == self._label(key):
                return kernel
        return None

    def save(self, key: Any, kernel: Any) -> None:
        """Keep a kernel; where there is no room it is compiled again next time."""
        with suppress(OSError):
            super().save(key, (self._label(key), kernel))  # type: ignore[no-untyped-call]

    def _load_index(self) -> Any:
        with suppress(Exception):
            return super()._load_index()  # type: ignore[no-untyped-call]
        return {}

    def _label(self, key: Any) -> tuple[str, str]:
        return self._source_stamp, repr(key)
