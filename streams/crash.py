"""Crash-only: an error that nobody expected ends the process, loudly, and a supervisor starts it again.

Left to itself Faust would restart the agent, count the lost batch as done, and go on.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final

from streams.errors import UpwellError

log = logging.getLogger("upwell")

#: Exit status of a worker that cannot go on (EX_SOFTWARE).
CANNOT_GO_ON: Final = 70
Run = Callable[..., Coroutine[Any, Any, None]]
#: Starts a coroutine as a task whose failure ends the process: `CrashOnly.task`.
RunTask = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class CrashOnly:
    """Wraps what a worker runs, so that an error ends the worker.

    Parameters
    ----------
    is_stopping
        Whether the worker is on its way out anyway: connections close under what still runs, and that is no news.
    """

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping

    def guarded(self, run: Run) -> Run:
        """The same coroutine function, whose failure ends the process."""

        async def guarded(*arguments: Any, **named: Any) -> None:
            try:
                await run(*arguments, **named)
            except Exception as error:
                if not self._is_stopping():
                    exit_loudly(error)
                log.info("While the worker stops: %s: %s", type(error).__name__, error)

        return guarded

    def task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a coroutine as a task whose failure ends the process."""

        async def run() -> None:
            await coroutine

        return asyncio.get_running_loop().create_task(self.guarded(run)())


def exit_loudly(error: Exception) -> None:
    """End the process with the error as its last words: a sentence if it is one of ours, else with a traceback."""
    if isinstance(error, UpwellError):
        log.critical("%s", error)
    else:
        log.critical("%s: %s", type(error).__name__, error, exc_info=error)
    logging.shutdown()
    os._exit(CANNOT_GO_ON)
