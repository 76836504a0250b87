"""A stand-in for a server in trouble: everything passes through it to a real broker, until it does not."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType


class Proxy:
    """Stands between a client and a broker.

    Parameters
    ----------
    kafka
        host:port of the broker.
    advertised
        The port the client is told to go to; the proxy's own if not given.
    """

    def __init__(self, kafka: str, advertised: int | None = None) -> None:
        host, port = kafka.split(",")[0].rsplit(":", 1)
        self._broker = host, int(port)
        self._advertised = advertised
        self.address = ""
        #: Set to let nothing pass any more, in either direction, while connections stay open.
        self.silent = False

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._advertised = self._advertised or port
        self.address = f"127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The end of the test cancels what is still open, which asyncio's streams report as an error.
        with suppress(asyncio.CancelledError, ConnectionError):
            answers, requests = await asyncio.open_connection(*self._broker)
            await asyncio.gather(self._pass(reader, requests), self._pass(answers, writer, readdress=True))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, readdress: bool = False) -> None:
        while data := await reader.read(1 << 16):
            if readdress and self._advertised is not None:
                # In Kafka's answers a port is a big-endian 32-bit number.
                data = data.replace(self._broker[1].to_bytes(4, "big"), self._advertised.to_bytes(4, "big"))
            if not self.silent:
                writer.write(data)
        writer.close()
