"""How much of a core this process takes: what the instrument leaves for what it measures."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self


class CpuShare:
    """Processor time of all threads of this process over time by the clock.

    >>> with CpuShare() as share:
    ...     time.sleep(0.02)
    >>> 0.0 <= share.measured < 1.0
    True
    """

    def __init__(self) -> None:
        self.measured = 0.0

    def __enter__(self) -> Self:
        self._began, self._used = time.monotonic(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        passed = time.monotonic() - self._began
        self.measured = round((time.process_time() - self._used) / passed, 4) if passed else 0.0
