"""One connection through the proxy: what passes, when, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 65_536
#: Chunks that may be under way in one direction; then whoever sends more has to wait.
_UNDER_WAY: Final = 256
#: How long requests still pass after a reply was swallowed, so that the server has them whole.
_SWALLOW_SECONDS: Final = 0.1
#: With it a socket is closed by RST, as by a host that knows nothing of the connection.
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)

Side: TypeAlias = Literal["client", "server"]
#: When bytes were read, and the bytes; none at the end, None if it was an RST.
_Flight: TypeAlias = asyncio.Queue[tuple[float, bytes | None]]


@dataclass
class Faults:
    """What is wrong with the network now; see `Proxy` for what each means."""

    latency: float = 0.0
    cut: bool = False
    drop_replies: bool = False
    #: How many bytes may still pass towards a side before a connection is aborted.
    budgets: dict[Side, int] = field(default_factory=dict)


class Connection:
    """Passes bytes between a client and a server until both are done, or until it is aborted.

    To be made in a running loop.

    Attributes
    ----------
    aborted
        Whether RST was sent to both sides.
    has_lost
        Whether the cut swallowed something, so that nothing may follow it.
    task
        Done when the connection is over.
    """

    def __init__(
        self, faults: Faults, target_port: int | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.aborted = False
        self.has_lost = False
        self._replies_lost = False
        self._faults = faults
        self._writers = [writer]
        self.task = asyncio.create_task(self._run(target_port, reader, writer))

    def abort(self) -> None:
        """Send RST to both sides."""
        self.aborted = True
        for writer in self._writers:
            with suppress(OSError):  # it may be closed already
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            writer.transport.abort()
        self.task.cancel()

    async def _run(
        self, target_port: int | None, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        self.has_lost = self._faults.cut
        if self.has_lost:
            await self._swallow(from_client)
        try:
            from_server, to_server = await asyncio.open_connection(HOST, target_port or 0)
        except OSError:
            self.abort()
            return
        self._writers.append(to_server)
        requests, replies = _Flight(_UNDER_WAY), _Flight(_UNDER_WAY)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_read(from_client, requests))
                group.create_task(_read(from_server, replies))
                group.create_task(self._deliver(requests, to_server, "server"))
                group.create_task(self._deliver(replies, to_client, "client"))
        finally:
            for writer in self._writers:
                writer.close()

    async def _swallow(self, source: asyncio.StreamReader) -> None:
        """Let the client talk to nobody, until the connection is aborted."""
        with suppress(OSError):
            while await source.read(_CHUNK_BYTES):
                pass
        await asyncio.Event().wait()

    async def _deliver(self, flight: _Flight, sink: asyncio.StreamWriter, towards: Side) -> None:
        sink.transport.set_write_buffer_limits(0)  # so that drained means sent
        while True:
            sent, data = await flight.get()
            await asyncio.sleep(sent + self._faults.latency - asyncio.get_running_loop().time())
            if self._faults.cut:
                self.has_lost = True
            elif towards == "client" and (self._replies_lost or (data and self._faults.drop_replies)):
                self._lose_replies()
            elif data is None:
                self.abort()
            elif data:
                await self._write(data, sink, towards)
            else:
                with suppress(OSError):
                    sink.write_eof()
                return

    def _lose_replies(self) -> None:
        if not self._replies_lost:
            self._replies_lost = True
            asyncio.get_running_loop().call_later(_SWALLOW_SECONDS, self.abort)

    async def _write(self, data: bytes, sink: asyncio.StreamWriter, towards: Side) -> None:
        budget = self._faults.budgets.pop(towards, None)
        is_last = budget is not None and len(data) >= budget
        if budget is not None and not is_last:
            self._faults.budgets[towards] = budget - len(data)
        sink.write(data[:budget] if is_last else data)
        # If the other side has gone, what is read from it says so.
        with suppress(OSError):
            await sink.drain()
        if is_last:
            self.abort()


async def _read(source: asyncio.StreamReader, flight: _Flight) -> None:
    """Read until the end."""
    now = asyncio.get_running_loop().time
    data: bytes | None = b"-"
    while data:
        try:
            data = await source.read(_CHUNK_BYTES)
        except OSError:
            data = None
        await flight.put((now(), data))
