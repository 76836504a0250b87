"""Scripts that are called in the same moment travel to Redis together: one write, one answer, whoever calls.

A worker has a task per partition. While a shop is quiet each of them writes little and often, and what a call costs
in redis-py and on the way does not depend on how much it carries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError


class SharedTrips:
    """Calls scripts; every caller gets its own answer or its own error."""

    def __init__(self, redis: Redis) -> None:
        self.redis: Any = redis
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._trips: set[asyncio.Task[None]] = set()

    async def call(self, script: AsyncScript, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """The answer of a script, which Redis is taught if it does not know it.

        Raises
        ------
        RedisError
            Redis could not be reached, or refused this call.
        """
        command = ("EVALSHA", script.sha, len(keys), *keys, *arguments)
        try:
            return await self._aboard(command)
        except NoScriptError:
            await self.redis.script_load(script.script)
            return await self._aboard(command)

    def _aboard(self, command: tuple[Any, ...]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._waiting.append((command, answer))
        if len(self._waiting) == 1:
            loop.call_soon(self._depart)
        return answer

    def _depart(self) -> None:
        waiting, self._waiting = self._waiting, []
        trip = asyncio.create_task(self._travel(waiting))
        self._trips.add(trip)
        trip.add_done_callback(self._trips.discard)

    async def _travel(self, waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]]) -> None:
        try:
            async with self.redis.pipeline(transaction=False) as pipe:
                for command, _ in waiting:
                    pipe.execute_command(*command)
                answers = await pipe.execute(raise_on_error=False)
        except Exception as error:  # of the connection: it is everybody's
            answers = [error] * len(waiting)
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():  # its caller was cancelled
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
