"""The one error after which another kind of server may be tried."""

from streams.errors import ServerError


class MissingPartError(ServerError):
    """Something a server is made of (Java, jars, a binary) cannot be had on this machine."""
