"""A connection to a Kafka broker on which requests go out without waiting for the answers to those before."""

from __future__ import annotations

import socket
import struct
import time
from threading import Thread
from typing import Final

from aiokafka.errors import for_code

from loadtest.partitioning import Broker
from loadtest.produce_requests import refusals
from online_models.compiled import Floats
from streams.errors import ServerError

#: Longer than the broker waits for its replicas.
_SILENCE_SECONDS: Final = 40.0
_AT_ONCE: Final = 1 << 16


class PipelineConnection:
    """Writes requests, while a thread notes when their answers come.

    Nothing is ever sent a second time, so nothing can be in Kafka twice: what is refused ends the run.

    Parameters
    ----------
    acknowledged
        Filled with the time (epoch seconds) of the answer, at the number of its request.
    """

    def __init__(self, broker: Broker, acknowledged: Floats) -> None:
        self._name = f"{broker.host}:{broker.port}"
        self._acknowledged = acknowledged
        self._sent = self._answered = 0
        self._waiting_since = time.monotonic()
        self._is_over = False
        self._failure: ServerError | None = None
        try:
            self._socket = socket.create_connection(broker, _SILENCE_SECONDS)
        except OSError as error:
            raise ServerError(f"Kafka does not answer at {self._name} ({error}).") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, frame: bytes) -> None:
        """Write a request; waits only where so much is on its way that the system takes no more.

        Raises
        ------
        ServerError
            Kafka has refused something, or closed the connection.
        """
        if self._failure is not None:
            raise self._failure
        if self._answered == self._sent:
            self._waiting_since = time.monotonic()
        self._sent += 1
        try:
            self._socket.sendall(frame)
        except OSError as error:
            raise ServerError(f"Kafka at {self._name} stopped taking events ({error}): see its log.") from None

    def finish(self) -> None:
        """Wait for the answers that are missing; those that do not come for long stay unacknowledged.

        Raises
        ------
        ServerError
            As for `send`.
        """
        self._is_over = True
        deadline = time.monotonic() + _SILENCE_SECONDS
        while self._answered < self._sent and self._failure is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self._socket.close()
        if self._failure is not None:
            raise self._failure

    def _read(self) -> None:
        try:
            self._read_answers()
        except ServerError as error:
            self._failure = error
        except OSError as error:
            if not self._is_over:
                self._failure = ServerError(f"Kafka at {self._name} does not answer ({error}): see its log.")

    def _read_answers(self) -> None:
        held = bytearray()
        while received := self._receive():
            now = time.time()
            held += received
            while len(held) >= 4 and len(held) >= (end := 4 + struct.unpack_from(">i", held)[0]):
                answer = bytes(held[4:end])
                del held[:end]
                self._note(answer, now)
        raise OSError("the connection was closed")

    def _receive(self) -> bytes:
        while True:
            try:
                return self._socket.recv(_AT_ONCE)
            except TimeoutError:
                # Silence is nothing wrong while there is nothing to answer: the first event may be due in a minute.
                if self._answered < self._sent and time.monotonic() - self._waiting_since >= _SILENCE_SECONDS:
                    raise

    def _note(self, answer: bytes, now: float) -> None:
        for place, code in refusals(answer):
            raise ServerError(
                f"Kafka at {self._name} refused events for partition {place.partition} of {place.topic} "
                f"({for_code(code).__name__}): see its log."
            )
        self._acknowledged[struct.unpack_from(">i", answer)[0]] = now
        self._waiting_since = time.monotonic()
        self._answered += 1
