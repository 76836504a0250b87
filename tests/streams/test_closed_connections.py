"""A broker that closes a connection in the very moment in which it is written to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop
from aiokafka import conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from streams.closed_connections import survive_closed_connections


def test_it_is_an_error_of_kafka_and_the_connection_is_closed(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conn, "AIOKafkaConnection", conn.AIOKafkaConnection)  # is put back at the end
    survive_closed_connections()

    async def calls() -> None:
        host, port = kafka.split(":")
        connection: Any = await conn.create_conn(host, int(port))
        assert (await connection.send(MetadataRequest([]))).brokers
        connection._read_task.cancel()  # so that nobody notices before we write
        connection._writer.transport.abort()
        await asyncio.sleep(0.01)
        with pytest.raises(KafkaConnectionError, match="broken"):
            await connection.send(MetadataRequest([]))
        assert not connection.connected()

    uvloop.run(calls())
