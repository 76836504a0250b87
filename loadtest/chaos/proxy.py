"""A network that can be made to fail: between client and server on this machine, a proxy with faults to switch on.

with Proxy(server_port) as proxy:
    ...  # clients connect to 127.0.0.1 at proxy.port
    proxy.cut()
    ...
    proxy.heal()
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Final, Self, TypeVar

from loadtest.chaos.connection import HOST, Connection, Faults, Side

_PATIENCE_SECONDS: Final = 10.0
T = TypeVar("T")


class Proxy:
    """A TCP proxy on 127.0.0.1, in a thread of its own.

    Faults concern connections old and new, may be combined, are in force when the call returns, and last until `heal`.
    To abort a connection is to send RST to its client and to its server.

    Parameters
    ----------
    target_port
        Where the server listens on 127.0.0.1. It may be set later, as the attribute, for a server that has to know the
        proxy's port before it starts; until then, and while no server listens there, new connections are aborted.
    """

    def __init__(self, target_port: int | None = None) -> None:
        self.target_port = target_port
        self._faults = Faults()
        self._connections: set[Connection] = set()
        self._aborted = 0
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._listening = socket.create_server((HOST, 0))
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        assert self._ready.wait(_PATIENCE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop(self._closing.set)
        self._thread.join(_PATIENCE_SECONDS)

    @property
    def port(self) -> int:
        """Where clients connect."""
        port: int = self._listening.getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return self._in_loop(lambda: sum(not one.aborted for one in self._connections))

    @property
    def aborted(self) -> int:
        """How many connections have been aborted so far."""
        return self._in_loop(lambda: self._aborted + sum(one.aborted for one in self._connections))

    def latency(self, seconds: float) -> None:
        """Let everything arrive so much later, in both directions."""
        self._in_loop(lambda: setattr(self._faults, "latency", seconds))

    def reset(self) -> None:
        """Abort the connections that are open now."""
        self._in_loop(lambda: self._abort(self._connections))

    def cut(self) -> None:
        """Let nothing pass, not even the end of a connection; connections stay open, new ones are accepted and silent.

        What is sent meanwhile is lost, so `heal` aborts the new connections and those on which something was lost.
        """
        self._in_loop(lambda: setattr(self._faults, "cut", True))

    def cut_mid_frame(self, after_bytes: int, towards: Side = "client") -> None:
        """Let exactly so many more bytes pass towards the "client" or the "server", then abort the connection.

        All connections are counted together, and the one that reaches the number is aborted; then the fault is over.
        """
        self._in_loop(lambda: self._faults.budgets.update({towards: after_bytes}))

    def drop_replies(self) -> None:
        """Let requests pass but no reply, and abort a connection soon after its next one: the outcome stays unknown."""
        self._in_loop(lambda: setattr(self._faults, "drop_replies", True))

    def heal(self) -> None:
        """Let everything pass again."""
        self._in_loop(self._heal)

    def _heal(self) -> None:
        vars(self._faults).update(vars(Faults()))  # in place: connections hold on to it
        self._abort({one for one in self._connections if one.has_lost})

    def _abort(self, connections: set[Connection]) -> None:
        for connection in connections:
            connection.abort()

    def _in_loop(self, act: Callable[[], T]) -> T:
        async def run() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_PATIENCE_SECONDS)

    def _run(self) -> None:
        # Not the loop that the program may have chosen for itself: not every loop can send RST.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._accept, sock=self._listening):
            self._ready.set()
            await self._closing.wait()
            self._abort(self._connections)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._faults, self.target_port, reader, writer)
        self._connections.add(connection)
        connection.task.add_done_callback(lambda _: self._forget(connection))

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._aborted += connection.aborted
