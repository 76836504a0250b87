"""Scripts that are called in the same moment travel to Redis together: one write, one answer, whoever calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

from streams.together import Together

_Command = tuple[Any, ...]


class SharedTrips:
    """Calls scripts; every caller gets its own answer or its own error."""

    def __init__(self, redis: Redis) -> None:
        self.redis: Any = redis
        self._together: Together[_Command, Any] = Together(self._travel)

    async def call(self, script: AsyncScript, keys: int, arguments: Sequence[Any]) -> Any:
        """The answer of a script, which Redis is taught if need be; the first arguments are so many keys.

        Raises
        ------
        RedisError
            Redis could not be reached, or refused this call.
        """
        command = ("EVALSHA", script.sha, keys, *arguments)
        try:
            return await self._together(command)
        except NoScriptError:
            await self.redis.script_load(script.script)
            return await self._together(command)

    async def _travel(self, commands: Sequence[_Command]) -> list[Any]:
        async with self.redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            answers: list[Any] = await pipe.execute(raise_on_error=False)
        return answers
