"""Partitions go in step: what they do at the same time costs little more than what one of them does.

Each would else begin when its records arrive. Then hardly two of them made their lists or asked Redis in the same
moment, and whatever waited for an answer waited for the others' folds as well.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

#: So many times the event loop goes round between two rounds: what has come in meanwhile is handed over first.
_TURNS_BETWEEN: Final = 1


class Rounds:
    """A context in which everybody begins together, and the next ones when all are through."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []
        self._running = 0
        self._is_due = False

    async def __aenter__(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._begin_soon()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was counted in
                self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self._running -= 1
        self._begin_soon()

    def _begin_soon(self) -> None:
        if not self._running and self._waiting and not self._is_due:
            self._is_due = True
            self._begin_after(_TURNS_BETWEEN)

    def _begin_after(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._begin_after, turns - 1)
            return
        waiting, self._waiting, self._is_due = self._waiting, [], False
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)
                self._running += 1
        self._begin_soon()
