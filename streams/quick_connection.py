"""Connections to Redis for many large commands in one trip: one or a few are under way at a time, answers together.

redis-py begins a task for what it sends, and goes through a dozen functions and sets an alarm for each answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import hiredis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.giving_way import give_way, goes_last
from streams.quick_packing import packed
from streams.settings import Settings

#: What carries many values.
_LARGE: Final = "MGET"
#: Commands of a trip that are sent together, in bytes, but for the rest of the last one.
_PIECE: Final = 2_500
#: How many such pieces are on their way at once. Redis does all that has come from a connection before it serves
#: anybody else, so a worker that goes last sends one, and front ends are served after each.
_ON_THEIR_WAY_GOING_LAST: Final = 1
#: With four Redis has something to do, too, while this thread learns from what else has come in.
_ON_THEIR_WAY: Final = 4


class _QuickConnection(AbstractConnection):
    """What `quick` puts before a connection class of redis-py."""

    _parser: Any
    _writer: Any  # None where it is not connected

    async def trip(self, commands: Sequence[bytes]) -> list[Any]:
        """The answers to commands that are packed already, in their order; where one was refused, the error.

        Raises
        ------
        RedisError
            The connection is gone, or Redis was silent for too long; which commands it got is not known.
        """
        try:
            return await self._answers(commands)
        except BaseException as error:
            await self.disconnect(nowait=True)  # or somebody else would get the answers that are still to come
            if isinstance(error, TimeoutError):
                raise RedisTimeoutError(f"There was no answer within {self.socket_timeout:g} s.") from error
            if isinstance(error, (OSError, RuntimeError)):
                raise RedisConnectionError(str(error)) from error
            raise

    async def _answers(self, commands: Sequence[bytes]) -> list[Any]:
        """Of a few pieces that are under way each that is done lets the next one go."""
        unsent, ends, answers = _pieces(commands), deque[int](), list[Any]()
        at_once = _ON_THEIR_WAY_GOING_LAST if goes_last() else _ON_THEIR_WAY
        while len(answers) < len(commands):
            while ends and ends[0] <= len(answers):
                ends.popleft()
            fresh = list(islice(unsent, at_once - len(ends)))
            self._send([piece for piece, _ in fresh])
            ends += [end for _, end in fresh]
            answers += await self._next_answers()
        return answers

    async def _next_answers(self) -> list[Any]:
        """All that have come; waits for the first."""
        found: list[Any] = []
        while not found:
            async with asyncio.timeout(self.socket_timeout):
                await self._parser.read_from_socket()
            for answer in iter(self._parser._reader.gets, NOT_ENOUGH_DATA):
                if isinstance(answer, RedisConnectionError):  # such as that Redis is loading
                    raise answer
                if isinstance(answer, hiredis.PushNotification):
                    await self._parser.handle_push_response(answer)
                else:
                    found.append(answer)
        return found

    def _send(self, pieces: Sequence[bytes]) -> None:
        if pieces:
            self._writer.writelines(pieces)
            give_way()

    def pack_command(self, *arguments: Any) -> list[bytes]:
        return [packed(arguments)] if arguments[0] == _LARGE else super().pack_command(*arguments)

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        self._writer.transport.set_write_buffer_limits(0)  # uvloop else sends when all else is done
        await super().on_connect_check_health(check_health)

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        try:
            # redis-py begins a task for it, which does not begin before all that is to do now is done.
            self._send([command] if isinstance(command, bytes) else [b"".join(command)])
            if self._writer.transport.get_write_buffer_size():
                await super().send_packed_command([], check_health=False)
        except RuntimeError as error:  # what uvloop says of a connection that the other side has just closed
            await self.disconnect(nowait=True)
            raise RedisConnectionError(str(error)) from error


def quick(connection: type[Any]) -> type[Any]:
    """A connection class of redis-py, but it knows trips, and sends all else at once.

    On uvloop, too, a connection that is gone is an error of redis-py, which is what `streams.patience` rides out.
    """
    return type("Connection", (_QuickConnection, connection), {})


def connect(settings: Settings) -> Redis:
    """A connection that reports every failure at once: what to do about one is decided in `streams.patience`."""
    redis = Redis.from_url(
        settings.redis,
        retry=Retry(NoBackoff(), retries=0),
        socket_timeout=5.0,
        socket_connect_timeout=5.0,
    )
    pool: Any = redis.connection_pool
    pool.connection_class = quick(pool.connection_class)
    return redis


def _pieces(commands: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
    """Whole commands, one or a few in each, and how many there are up to its end."""
    together, size = list[bytes](), 0
    for number, command in enumerate(commands, 1):
        together.append(command)
        size += len(command)
        if size >= _PIECE or number == len(commands):
            yield b"".join(together), number
            together, size = [], 0
