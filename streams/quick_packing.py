"""Commands for Redis with thousands of arguments, packed without an object for each.

redis-py packs arguments one by one, with several checks each.
Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Final

import msgspec
import numpy as np
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from online_models.compiled import Bytes, Int64s, compiled
from online_models.spelling import Spelling
from streams.giving_way import give_way, goes_last
from streams.number_text import put_bytes, put_integer

_LARGE: Final = ("EVALSHA", "MGET")
#: Commands of a pipeline that are sent together, in bytes, but for the rest of the last one.
_PIECE: Final = 2_500
#: How many such pieces are on their way at once. Redis reads all that has come from a connection, and serves nobody
#: else before it has done all of it; with two, one is there when the other is done.
_ON_THEIR_WAY_GOING_LAST: Final = 2
#: With four Redis has something to do, too, while this thread learns from what else has come in.
_ON_THEIR_WAY: Final = 4
#: `$`, the digits of a length, and two line ends.
_AROUND: Final = 1 + 19 + 4


class Packed(msgspec.Struct, frozen=True, gc=False):
    """Several arguments as Redis reads them."""

    data: bytes | memoryview
    count: int

    def __str__(self) -> str:
        """For messages about a command that failed: what shoppers do is nobody's business there."""
        return f"({self.count} arguments)"


class _Pieces(list[bytes]):
    """Whole commands, one or a few in each, so that each piece has an answer."""


class _QuickConnection(AbstractConnection):
    """What `packing_quickly` puts before a connection class of redis-py."""

    _writer: Any  # None where it is not connected
    _unsent: Iterator[bytes] = iter(())

    def pack_command(self, *arguments: Any) -> list[bytes]:
        return [packed(arguments)] if arguments[0] in _LARGE else super().pack_command(*arguments)

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        pieces, chunks, size = _Pieces(), list[bytes](), 0
        for command in commands:
            packed_command = self.pack_command(*command)
            chunks += packed_command
            size += sum(map(len, packed_command))
            if size >= _PIECE:
                pieces.append(b"".join(chunks))
                chunks, size = [], 0
        if chunks:
            pieces.append(b"".join(chunks))
        return pieces

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        self._writer.transport.set_write_buffer_limits(0)  # uvloop else sends when all else is done
        await super().on_connect_check_health(check_health)

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        whole = [command] if isinstance(command, bytes) else [b"".join(command)]
        pieces = iter(command if isinstance(command, _Pieces) else whole)
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        try:
            # redis-py begins a task for it, which does not begin before all that is to do now is done.
            at_once = _ON_THEIR_WAY_GOING_LAST if goes_last() else _ON_THEIR_WAY
            self._writer.writelines(list(islice(pieces, at_once)))
            give_way()
            self._unsent = pieces
            if self._writer.transport.get_write_buffer_size():
                await super().send_packed_command([], check_health=False)
        except RuntimeError as error:  # what uvloop says of a connection that the other side has just closed
            await self.disconnect(nowait=True)
            raise RedisConnectionError(str(error)) from error

    async def read_response(self, *arguments: Any, **named: Any) -> Any:
        try:
            return await super().read_response(*arguments, **named)
        finally:
            if self.is_connected:
                with contextlib.suppress(RuntimeError):  # reading the next answer will tell that the connection is gone
                    self._writer.writelines(list(islice(self._unsent, 1)))
                    give_way()


def packing_quickly(connection: type[Any]) -> type[Any]:
    """A connection class of redis-py, but the commands that carry our values are packed in one go and sent at once.

    Of a pipeline a few large commands are under way at any time: each answer lets the next one go.

    On uvloop, too, a connection that is gone is an error of redis-py, which is what `streams.patience` rides out.
    """
    return type("Connection", (_QuickConnection, connection), {})


def packed(arguments: tuple[bytes | str | int | Packed, ...]) -> bytes:
    """A command as Redis reads it.

    >>> packed(("MGET", b"a", "b", 7))
    b'*4\\r\\n$4\\r\\nMGET\\r\\n$1\\r\\na\\r\\n$1\\r\\nb\\r\\n$1\\r\\n7\\r\\n'
    """
    count, parts = 0, list[bytes | memoryview]([b""])
    for argument in arguments:
        if isinstance(argument, Packed):
            count += argument.count
            parts.append(argument.data)
            continue
        count += 1
        value = argument if type(argument) is bytes else str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(value), value))
    parts[0] = b"*%d\r\n" % count
    return b"".join(parts)


def packed_texts(before: str, texts: Spelling) -> Packed:
    """An argument for each of the texts, with the same words before each.

    >>> from online_models.spelling import spelled
    >>> bytes(packed_texts("rec:", spelled(["ada", "bob"])).data)
    b'$7\\r\\nrec:ada\\r\\n$7\\r\\nrec:bob\\r\\n'
    """
    return packed_parts(before, texts, [0, len(texts.ends)])[0]


def packed_parts(before: str, texts: Spelling, bounds: Sequence[int]) -> list[Packed]:
    """The same in parts: one with the texts from each of the bounds to before the next."""
    n, words = len(texts.ends), np.frombuffer(before.encode(), np.uint8)
    out = np.empty((int(texts.ends[-1]) if n else 0) + n * (len(words) + _AROUND), np.uint8)
    text = texts.text.view()
    text.flags.writeable = False
    ends = np.zeros(n + 1, np.int64)
    _pack(words, text, texts.ends, out, ends)
    data, places = out.data, ends[bounds].tolist()
    cuts = zip(pairwise(places), pairwise(bounds), strict=True)
    return [Packed(data[start:end], last - first) for (start, end), (first, last) in cuts]


@compiled
def _pack(words: Bytes, text: Bytes, ends: Int64s, out: Bytes, out_ends: Int64s) -> None:
    """Write the arguments, and behind the first of `out_ends` where each of them ends."""
    at = start = 0
    for n in range(len(ends)):
        out[at] = 36  # $
        at = put_integer(len(words) + ends[n] - start, at + 1, out)
        at = _line_end(at, out)
        at = put_bytes(words, 0, len(words), at, out)
        out_ends[n + 1] = at = _line_end(put_bytes(text, start, ends[n], at, out), out)
        start = ends[n]


@compiled
def _line_end(at: int, out: Bytes) -> int:
    out[at], out[at + 1] = 13, 10
    return at + 2
