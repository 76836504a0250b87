"""Calls of a Lua script that travel to Redis in one trip, each with its own answer or error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError, ResponseError

from streams.patience import meaning
from streams.quick_packing import packed

#: How many of the arguments are keys, and the arguments, keys first.
Command = tuple[int, Sequence[Any]]


async def call_script(redis: Redis, script: AsyncScript, commands: Sequence[Command]) -> list[Any]:
    """What a script, which Redis is taught if need be, answers to several calls, made in their order.

    `redis` is what `streams.quick_connection.connect` makes, with connections that know trips.

    A call that Redis refuses has the error as its answer; those behind it are made nevertheless.

    Raises
    ------
    RedisError
        Redis could not be reached.
    """
    answers = await _trip(redis, script, commands)
    if any(isinstance(answer, NoScriptError) for answer in answers):
        await redis.script_load(script.script)
        answers = await _trip(redis, script, commands)
    return answers


async def _trip(redis: Redis, script: AsyncScript, commands: Sequence[Command]) -> list[Any]:
    calls = [packed(("EVALSHA", script.sha, keys, *arguments)) for keys, arguments in commands]
    pool: Any = redis.connection_pool
    connection = await pool.get_connection()
    try:
        answers: list[Any] = await connection.trip(calls)
        if any(isinstance(answer, ResponseError) and meaning(answer).startswith("READONLY") for answer in answers):
            # The address may be that of another server by now, which a connection that stays open would never know.
            await connection.disconnect(nowait=True)
            await pool.disconnect(inuse_connections=False)
        return answers
    finally:
        await pool.release(connection)
