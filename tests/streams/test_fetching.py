"""How long a broker may hold a fetch, and for how much: what a consumer asks a real one."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from streams import fetching
from streams.fetching import fetch_batches
from streams.record_batches import RecordBatch
from tests.embedded.records import make_topic

PROMPT, PATIENT, BEHIND = (5, 16_384), (50, 1), (50, 1024 * 1024)


@pytest.fixture(autouse=True)
def _batches(_records_again: None) -> None:
    fetch_batches()


def _watched(consumer: Any) -> list[tuple[int, int]]:
    """What it asks for from now on: how long a fetch may be held, and unless there are how many bytes."""
    asked: list[tuple[int, int]] = []
    send = consumer._client.send

    async def note(node_id: Any, request: Any, **named: Any) -> Any:
        if isinstance(request, FetchRequest):
            asked.append((request._max_wait_ms, request._min_bytes))
        return await send(node_id, request, **named)

    consumer._client.send = note
    return asked


async def _taken(consumer: Any) -> Any:
    """What comes next."""
    async with asyncio.timeout(10):
        while not (fetched := await consumer.getmany(timeout_ms=100)):
            pass
    ((found,),) = fetched.values()
    return found


async def _asked(asked: list[tuple[int, int]], *what: tuple[int, int]) -> None:
    """Wait until all that is asked for in turn ends so, repetitions aside."""
    async with asyncio.timeout(10):
        while [one for one, _ in groupby(asked)][-len(what) :] != [*what]:
            await asyncio.sleep(0.001)


def test_a_broker_that_had_nothing_is_asked_less_often_and_answers_at_once(kafka: str) -> None:
    make_topic(kafka, "fetched-while-idle")
    tp = TopicPartition("fetched-while-idle", 0)

    async def run() -> list[tuple[int, int]]:
        producer = AIOKafkaProducer(bootstrap_servers=kafka)
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka, fetch_max_wait_ms=PROMPT[0], fetch_min_bytes=PROMPT[1])
        async with producer, consumer:
            await producer.send_and_wait(tp.topic, b"first")
            asked = _watched(consumer)
            consumer.assign([tp])
            await consumer.seek_to_beginning()
            assert isinstance(await _taken(consumer), RecordBatch)
            await _asked(asked, PATIENT)
            count = len(asked)
            await producer.send_and_wait(tp.topic, b"second")
            await _taken(consumer)
            await _asked(asked, PATIENT, PROMPT, PATIENT)
            return asked[count:]

    later = asyncio.run(run())
    assert later.count(PROMPT) == 1  # after the second record
    assert set(later) == {PROMPT, PATIENT}


def test_while_there_is_a_backlog_fetches_are_few_and_large(kafka: str) -> None:
    make_topic(kafka, "fetched-behind")
    tp = TopicPartition("fetched-behind", 0)

    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka)
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka, fetch_max_wait_ms=PROMPT[0], fetch_min_bytes=PROMPT[1])
        async with producer, consumer:
            await producer.send_and_wait(tp.topic, b"first")
            asked = _watched(consumer)
            consumer._fetcher.has_backlog = True
            consumer.assign([tp])
            await consumer.seek_to_beginning()
            await _taken(consumer)
            await _asked(asked, BEHIND)
            assert set(asked) == {BEHIND}
            consumer._fetcher.has_backlog = False
            await _asked(asked, PATIENT)

    asyncio.run(run())


def test_no_more_is_opened_at_once_than_is_allowed_and_nothing_is_left_out(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches that are small on their way, of which a fetch brings very many."""
    monkeypatch.setattr(fetching, "_LARGEST_OPENED", 100_000)
    make_topic(kafka, "fetched-and-opened")
    tp, batch, count = TopicPartition("fetched-and-opened", 0), bytes(30_000), 50

    async def run() -> list[list[RecordBatch]]:
        producer = AIOKafkaProducer(bootstrap_servers=kafka, compression_type="zstd")
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
        async with producer, consumer:
            for _ in range(count):
                await producer.send_and_wait(tp.topic, batch)
            consumer.assign([tp])
            await consumer.seek_to_beginning()
            found: list[list[RecordBatch]] = []
            async with asyncio.timeout(20):
                while sum(map(len, found)) < count:
                    found += (await consumer.getmany(timeout_ms=100)).values()
            return found

    fetched = asyncio.run(run())
    assert [batch.offset for batches in fetched for batch in batches] == list(range(count))
    assert [len(batches) for batches in fetched] == [4] * 12 + [2]


def test_a_fetch_is_held_as_long_as_a_turn_takes_but_not_for_long_and_then_whatever_there_is(kafka: str) -> None:
    make_topic(kafka, "fetched-in-turns")
    tp = TopicPartition("fetched-in-turns", 0)

    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka)
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka, fetch_max_wait_ms=PROMPT[0], fetch_min_bytes=PROMPT[1])
        async with producer, consumer:
            consumer.assign([tp])
            await consumer.seek_to_beginning()
            asked = _watched(consumer)
            long = 20, BEHIND[1]
            for seconds, held in ((0.001, PROMPT), (0.0125, (12, PROMPT[1])), (0.02, long), (1.0, long)):
                await _asked(asked, PATIENT)
                consumer._fetcher.turn_seconds = seconds
                await producer.send_and_wait(tp.topic, b"one more")
                await _taken(consumer)
                await _asked(asked, PATIENT, held, PATIENT)

    asyncio.run(run())
