"""Ask a Kafka broker which cluster it belongs to: the proof that it is up, and that it is the right one.

Written out byte by byte because it is asked many times a second of a broker that is not there yet: a client
library would wait 30 s, retry and log errors for what is only normal here.
"""

import contextlib
import socket
import struct

from streams.embedded.ports import HOST

TIMEOUT_S = 2.0
METADATA, VERSION = 3, 2
# Request size, kind, version, correlation number, no client name, no topics.
REQUEST = struct.pack(">ihhihi", 14, METADATA, VERSION, 1, -1, 0)


def cluster_of(port: int) -> str | None:
    """Return the cluster's name if a broker on the port answers and takes part in it, else None."""
    with contextlib.suppress(OSError, struct.error):
        return _parse(_ask(port))
    return None


def _ask(port: int) -> bytes:
    with socket.create_connection((HOST, port), TIMEOUT_S) as connection:
        connection.sendall(REQUEST)
        with connection.makefile("rb") as answer:
            (size,) = struct.unpack(">i", answer.read(4))
            # Not a broker if it wants to say more than a list of brokers: do not wait for it all.
            return answer.read(min(size, 65_536)) if size > 0 else b""


def _parse(answer: bytes) -> str | None:
    """Read Metadata version 2: correlation, brokers (number, host, port, rack), name of the cluster."""
    _, brokers = struct.unpack_from(">ii", answer)
    at = 8
    for _ in range(brokers):
        _, at = _string(answer, at + 4)
        _, at = _string(answer, at + 4)
    name, _ = _string(answer, at)
    # A broker that has not joined yet answers with an empty list; topics could not be made there.
    return name if brokers > 0 else None


def _string(answer: bytes, at: int) -> tuple[str | None, int]:
    (length,) = struct.unpack_from(">h", answer, at)
    start = at + 2
    if length < 0:
        return None, start
    return answer[start : start + length].decode(errors="replace"), start + length
