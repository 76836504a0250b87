"""redis-py packs the arguments of a command one by one, with several checks each; ours has thousands of them."""

from __future__ import annotations

from typing import Any, Final

_LARGE: Final = ("EVALSHA", "MGET")


def packing_quickly(connection: type[Any]) -> type[Any]:
    """A connection class of redis-py, but the commands that carry our values are packed in one go."""

    class Connection(connection):  # type: ignore[misc]
        def pack_command(self, *arguments: Any) -> list[bytes]:
            if arguments[0] in _LARGE:
                return [packed(arguments)]
            other: list[bytes] = super().pack_command(*arguments)
            return other

    return Connection


def packed(arguments: tuple[bytes | str | int, ...]) -> bytes:
    """A command as Redis reads it.

    >>> packed(("MGET", b"a", "b", 7))
    b'*4\\r\\n$4\\r\\nMGET\\r\\n$1\\r\\na\\r\\n$1\\r\\nb\\r\\n$1\\r\\n7\\r\\n'
    """
    parts = [b"*%d\r\n" % len(arguments)]
    add = parts.append
    for argument in arguments:
        value = argument if type(argument) is bytes else str(argument).encode()
        add(b"$%d\r\n%b\r\n" % (len(value), value))
    return b"".join(parts)
