"""Scripts that are called in the same moment travel to Redis together: one write, one answer, whoever calls."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

from streams.together import Together

_Command = tuple[Any, ...]


class SharedTrips:
    """Calls scripts; every caller gets its own answers or its own error."""

    def __init__(self, redis: Redis) -> None:
        self.redis: Any = redis
        self._together: Together[Sequence[_Command], list[Any]] = Together(self._travel)

    async def call(self, script: AsyncScript, calls: Sequence[tuple[int, Sequence[Any]]]) -> list[Any]:
        """The answers of a script, which Redis is taught if need be, to several calls, made in their order.

        A call is its arguments, the first so many of which are keys.

        Raises
        ------
        RedisError
            Redis could not be reached, or refused one of the calls; those behind it were made nevertheless.
        """
        commands = [("EVALSHA", script.sha, keys, *arguments) for keys, arguments in calls]
        try:
            return await self._together(commands)
        except NoScriptError:
            await self.redis.script_load(script.script)
            return await self._together(commands)

    async def _travel(self, trips: Sequence[Sequence[_Command]]) -> list[list[Any] | BaseException]:
        async with self.redis.pipeline(transaction=False) as pipe:
            for command in (command for commands in trips for command in commands):
                pipe.execute_command(*command)
            answers = iter(await pipe.execute(raise_on_error=False))
        return [_refusal_or(list(islice(answers, len(commands)))) for commands in trips]


def _refusal_or(answers: list[Any]) -> list[Any] | BaseException:
    """The first error among the answers of one caller, or the answers."""
    return next((answer for answer in answers if isinstance(answer, BaseException)), answers)
