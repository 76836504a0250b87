"""The proxy between real sockets: a client, and a server that sends back what it gets."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from loadtest.chaos.proxy import Proxy

REQUEST = b"get rec:ada\n"
LEAVE, RESET = b"leave\n", b"reset\n"
PATIENCE_S = 10.0


class Echo(socketserver.ThreadingTCPServer):
    """Sends everything back, and remembers what it got and how connections ended.

    On LEAVE or RESET it waits for `end` and closes that connection, in good order or with RST.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), EchoOne)
        self.port = int(self.server_address[1])
        self.received = b""
        self.ends: list[str] = []
        self.end = threading.Event()


class EchoOne(socketserver.BaseRequestHandler):
    server: Echo

    def handle(self) -> None:
        try:
            while data := self.request.recv(65_536):
                if data in (LEAVE, RESET):
                    self._leave(data)
                    return
                self.server.received += data
                self.request.sendall(data)
        except ConnectionResetError:
            self.server.ends.append("reset")
        else:
            self.server.ends.append("closed")

    def _leave(self, how: bytes) -> None:
        self.server.end.wait(PATIENCE_S)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", how == RESET, 0))
        self.request.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.port) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S)


def talking(proxy: Proxy) -> socket.socket:
    """A connection that has been used."""
    client = connect(proxy)
    assert ask(client) == REQUEST
    return client


def ask(client: socket.socket) -> bytes:
    client.sendall(REQUEST)
    return read(client, len(REQUEST))


def read(client: socket.socket, size: int) -> bytes:
    """Read so many bytes, or fewer if the connection ends in good order before."""
    data = b""
    while len(data) < size and (more := client.recv(size - len(data))):
        data += more
    return data


def read_until_reset(client: socket.socket) -> bytes:
    data = b""
    try:
        while more := client.recv(65_536):
            data += more
    except ConnectionResetError:
        return data
    pytest.fail("the connection ended in good order")


def is_silent(client: socket.socket, seconds: float = 0.3) -> bool:
    client.settimeout(seconds)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE_S)
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_everything_passes_and_ends_in_good_order(proxy: Proxy, echo: Echo) -> None:
    sent = bytes(range(256)) * 10_000
    with connect(proxy) as client:

        def send() -> None:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        # One byte more than there is: the server's end comes through as well.
        assert read(client, len(sent) + 1) == sent
        sending.join()
    wait_until(lambda: proxy.connections == 0)
    assert echo.ends == ["closed"]
    assert proxy.aborted == 0


def test_latency_delays_both_ways_and_slows_no_stream_down(proxy: Proxy) -> None:
    with talking(proxy) as client:
        proxy.latency(0.2)
        began = time.monotonic()
        assert ask(client) == REQUEST
        assert time.monotonic() - began >= 0.4

        began = time.monotonic()
        for _ in range(50):
            client.sendall(REQUEST)
            time.sleep(0.01)  # so that each is a piece of its own
        assert read(client, 50 * len(REQUEST)) == 50 * REQUEST
        assert time.monotonic() - began < 5  # one after the other they would take 20 s

        proxy.heal()
        began = time.monotonic()
        assert ask(client) == REQUEST
        assert time.monotonic() - began < 0.4


def test_reset_aborts_what_is_open_and_nothing_else(proxy: Proxy, echo: Echo) -> None:
    with talking(proxy) as one, talking(proxy) as two:
        assert proxy.connections == 2
        proxy.reset()
        assert (proxy.connections, proxy.aborted) == (0, 2)
        assert read_until_reset(one) == read_until_reset(two) == b""
        wait_until(lambda: echo.ends == ["reset", "reset"])
    with talking(proxy):
        assert proxy.connections == 1


def test_a_cut_swallows_and_says_nothing_until_it_heals(proxy: Proxy, echo: Echo) -> None:
    with talking(proxy) as speaking, talking(proxy) as idle:
        received = echo.received
        proxy.cut()
        with connect(proxy) as new, connect(proxy) as silent:
            for client in (speaking, new):
                client.sendall(REQUEST)
            assert all(is_silent(client) for client in (speaking, idle, new))
            assert echo.received == received
            assert (proxy.connections, proxy.aborted) == (4, 0)

            proxy.heal()
            # What was lost cannot be followed by anything; what lost nothing goes on.
            for client in (speaking, new, silent):
                assert read_until_reset(client) == b""
            assert ask(idle) == REQUEST
    with talking(proxy):
        assert proxy.aborted == 3


@pytest.mark.parametrize("how", [LEAVE, RESET])
def test_a_cut_hides_that_the_server_is_gone(proxy: Proxy, echo: Echo, how: bytes) -> None:
    with talking(proxy) as client:
        client.sendall(how)
        time.sleep(0.2)  # until the server has it
        proxy.cut()
        echo.end.set()
        assert is_silent(client)
        proxy.heal()
        assert read_until_reset(client) == b""


def test_a_server_that_leaves_is_seen_to_leave_as_it_does(proxy: Proxy, echo: Echo) -> None:
    echo.end.set()
    with talking(proxy) as client:
        client.sendall(LEAVE)
        assert client.recv(1) == b""
    with talking(proxy) as client:
        client.sendall(RESET)
        assert read_until_reset(client) == b""


def test_a_reply_is_cut_in_the_middle(proxy: Proxy, echo: Echo) -> None:
    with talking(proxy) as client:
        proxy.cut_mid_frame(len(REQUEST) + 5, "client")
        assert ask(client) == REQUEST
        client.sendall(REQUEST)
        assert read_until_reset(client) == REQUEST[:5]
        wait_until(lambda: echo.ends == ["reset"])
    assert echo.received == 3 * REQUEST
    # It was once.
    with talking(proxy) as client:
        assert ask(client) == REQUEST


def test_a_cut_between_replies_is_a_cut_too(proxy: Proxy) -> None:
    with talking(proxy) as client:
        proxy.cut_mid_frame(len(REQUEST))
        assert ask(client) == REQUEST
        assert read_until_reset(client) == b""


def test_a_request_is_cut_in_the_middle(proxy: Proxy, echo: Echo) -> None:
    with talking(proxy) as client:
        proxy.cut_mid_frame(5, "server")
        client.sendall(REQUEST)
        read_until_reset(client)
        wait_until(lambda: echo.ends == ["reset"])
    assert echo.received == REQUEST + REQUEST[:5]


def test_a_cut_that_did_not_come_to_pass_is_healed(proxy: Proxy) -> None:
    with talking(proxy) as client:
        proxy.cut_mid_frame(5)
        proxy.heal()
        assert ask(client) == REQUEST


def test_dropped_replies_leave_the_outcome_unknown(proxy: Proxy, echo: Echo) -> None:
    with talking(proxy) as client, talking(proxy) as idle:
        received = echo.received
        proxy.drop_replies()
        client.sendall(REQUEST)
        client.sendall(REQUEST)
        assert read_until_reset(client) == b""
        assert echo.received == received + 2 * REQUEST
        assert proxy.aborted == 1
        proxy.heal()
        assert ask(idle) == REQUEST


def test_a_reply_after_a_dropped_one_does_not_pass_even_when_healed(proxy: Proxy) -> None:
    with talking(proxy) as client:
        proxy.drop_replies()
        client.sendall(REQUEST)
        time.sleep(0.05)  # shorter than what it takes to be aborted
        proxy.heal()
        client.sendall(REQUEST)
        assert read_until_reset(client) == b""


def test_the_server_may_come_later(echo: Echo) -> None:
    with Proxy() as proxy:
        # Which may happen as early as in connect.
        with pytest.raises(ConnectionResetError), connect(proxy) as client:
            client.recv(1)
        proxy.target_port = echo.port
        talking(proxy).close()


def test_connections_end_with_the_proxy(echo: Echo) -> None:
    with Proxy(echo.port) as proxy:
        client = talking(proxy)
        proxy.cut()
    assert read_until_reset(client) == b""
    client.close()
