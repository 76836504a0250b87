"""Calls that are made in the same moment are served together: what many small ones cost does not add up.

What a turn leads to is brought out by a task per partition. While a shop is quiet each of them has little to do and
often, and what a step costs hardly depends on how much it is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Together(Generic[Request, Answer]):
    """Gathers requests until the event loop has gone round once.

    Parameters
    ----------
    serve
        Answers several requests, in their order; an answer may be an error, which is then raised for that one. What
        it raises itself is raised for all.
    """

    def __init__(self, serve: Callable[[Sequence[Request]], Awaitable[Sequence[Answer | BaseException]]]) -> None:
        self._serve = serve
        self._waiting: list[tuple[Request, asyncio.Future[Answer]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, request: Request) -> Answer:
        """The answer to one request."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((request, answer))
        if len(self._waiting) == 1:
            loop.call_soon(self._begin)
        return await answer

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, []
        task = asyncio.create_task(self._answer(waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, waiting: Sequence[tuple[Request, asyncio.Future[Answer]]]) -> None:
        answers: Sequence[Answer | BaseException]
        try:
            answers = await self._serve([request for request, _ in waiting])
        except Exception as error:  # it is everybody's
            answers = [error] * len(waiting)
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():  # who asked was cancelled
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
