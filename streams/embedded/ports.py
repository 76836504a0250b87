"""Ports on 127.0.0.1: choose free ones, and refuse one that somebody else has."""

import contextlib
import socket

from streams.errors import ServerError

HOST = "127.0.0.1"


class PortTakenError(ServerError):
    """Another program listens on the port."""

    def __init__(self, server: str, port: int) -> None:
        super().__init__(
            f"{server} cannot listen on {HOST}:{port} because another program already does: "
            "stop that program or choose another port."
        )


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nobody listens on now.

    Somebody may still take one before the server does; `EmbeddedServer` then chooses again.
    """
    with contextlib.ExitStack() as held:
        # All are held until the last is chosen, or the same port could be handed out twice.
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def refuse_taken(port: int, server: str) -> None:
    """Check that `server` can listen on `port`.

    Raises PortTakenError if another program listens there, ServerError if the port cannot be used at all.
    """
    if not 1 <= port <= 65_535:
        raise ServerError(f"{server} cannot listen on port {port}: choose one between 1 and 65535.")
    if answers(port) or not _can_bind(port, server):
        raise PortTakenError(server, port)


def answers(port: int) -> bool:
    """Whether anybody accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def _can_bind(port: int, server: str) -> bool:
    with socket.socket() as probe:
        # As the servers themselves do: connections still fading from the last run are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise ServerError(
                f"{server} may not listen on {HOST}:{port} ({error.strerror}): choose a port above 1023."
            ) from error
        except OSError:
            return False
    return True
