"""aiokafka on uvloop: a connection that the broker has just closed is an error of Kafka, not the end of the fetcher.

asyncio reports it as an `OSError`, of which aiokafka makes a `KafkaConnectionError` and connects again; uvloop raises
`RuntimeError` (https://github.com/MagicStack/uvloop/issues/506), which ends aiokafka's routine for good.
"""

from __future__ import annotations

from typing import Any

from aiokafka import conn
from aiokafka.errors import KafkaConnectionError


class _Connection(conn.AIOKafkaConnection):  # type: ignore[misc]
    def send(self, *arguments: Any, **named: Any) -> Any:
        try:
            return super().send(*arguments, **named)
        except RuntimeError as error:
            self.close(reason=conn.CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {self.host}:{self.port} broken: {error}") from error


def survive_closed_connections() -> None:
    """Let consumers and producers of this process connect again."""
    module: Any = conn
    module.AIOKafkaConnection = _Connection
