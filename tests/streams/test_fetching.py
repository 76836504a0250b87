"""How often a broker is asked for records, and for how many: what a consumer asks a real one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.protocol.fetch import FetchRequest

from streams import fetching
from streams.fetching import fetch_batches
from streams.record_batches import RecordBatch
from tests.embedded.records import make_topic

ANY, MUCH = (50, 1), (50, 1024 * 1024)


class Fetch(NamedTuple):
    """When it was asked for and answered, and how long it may be held unless there are how many bytes."""

    asked: float
    answered: float
    terms: tuple[int, int]


@pytest.fixture(autouse=True)
def _batches(_records_again: None) -> None:
    fetch_batches()


def _watched(consumer: Any) -> list[Fetch]:
    """Every fetch from now on."""
    fetches: list[Fetch] = []
    send = consumer._client.send

    async def note(node_id: Any, request: Any, **named: Any) -> Any:
        asked = time.monotonic()
        answer = await send(node_id, request, **named)
        if isinstance(request, FetchRequest):
            fetches.append(Fetch(asked, time.monotonic(), (request._max_wait_ms, request._min_bytes)))
        return answer

    consumer._client.send = note
    return fetches


async def _taken(consumer: Any) -> Any:
    """What comes next."""
    async with asyncio.timeout(10):
        while not (fetched := await consumer.getmany(timeout_ms=100)):
            pass
    ((found,),) = fetched.values()
    return found


async def _begun(producer: Any, consumer: Any, tp: TopicPartition) -> None:
    """Publish a first record, and read it."""
    await producer.send_and_wait(tp.topic, b"first")
    consumer.assign([tp])
    await consumer.seek_to_beginning()
    assert isinstance(await _taken(consumer), RecordBatch)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_a_broker_that_has_nothing_is_asked_every_20th_of_a_second_and_answers_with_the_first_record(
    kafka: str,
) -> None:
    make_topic(kafka, "fetched-while-idle")
    tp = TopicPartition("fetched-while-idle", 0)

    async def run() -> None:
        producer, consumer = AIOKafkaProducer(bootstrap_servers=kafka), AIOKafkaConsumer(bootstrap_servers=kafka)
        async with producer, consumer:
            await _begun(producer, consumer, tp)
            fetches = _watched(consumer)
            await _until(lambda: len(fetches) == 5)
            assert {fetch.terms for fetch in fetches} == {ANY}
            assert all(fetch.answered - fetch.asked >= 0.045 for fetch in fetches)
            await producer.send_and_wait(tp.topic, b"second")
            await _taken(consumer)

    asyncio.run(run())


def test_while_there_is_a_backlog_fetches_are_few_and_large_and_follow_at_once(kafka: str) -> None:
    make_topic(kafka, "fetched-behind")
    tp = TopicPartition("fetched-behind", 0)

    async def run() -> None:
        producer, consumer = AIOKafkaProducer(bootstrap_servers=kafka), AIOKafkaConsumer(bootstrap_servers=kafka)
        async with producer, consumer:
            fetches, fetcher = _watched(consumer), consumer._fetcher
            fetcher.has_backlog, fetcher.turn_seconds = True, 1.0
            await _begun(producer, consumer, tp)
            assert [fetcher._pause(node) for node in fetcher._answered_at] == [0.0]
            await _until(lambda: len(fetches) > 1)
            assert {fetch.terms for fetch in fetches} == {MUCH}
            fetcher.has_backlog = False
            await _until(lambda: fetches[-1].terms == ANY)

    asyncio.run(run())


@pytest.mark.parametrize(("turn_seconds", "pause"), [(0.001, 0.005), (0.003, 0.006), (0.006, 0.01), (1.0, 0.01)])
def test_between_fetches_is_the_time_of_two_turns_but_not_too_little_and_not_too_much(
    kafka: str, turn_seconds: float, pause: float
) -> None:
    make_topic(kafka, topic := f"fetched-in-turns-{turn_seconds}")
    tp = TopicPartition(topic, 0)

    async def run() -> None:
        producer, consumer = AIOKafkaProducer(bootstrap_servers=kafka), AIOKafkaConsumer(bootstrap_servers=kafka)
        async with producer, consumer:
            fetches = _watched(consumer)
            consumer._fetcher.turn_seconds = turn_seconds
            consumer.assign([tp])
            await consumer.seek_to_beginning()
            for _ in range(5):
                await producer.send_and_wait(tp.topic, b"one more")
                await _taken(consumer)
            (node,) = consumer._fetcher._answered_at
            assert consumer._fetcher._pause(node) <= pause
            assert all(later.asked - fetch.answered >= pause - 0.001 for fetch, later in pairwise(fetches))

    asyncio.run(run())


def test_a_consumer_may_end_in_a_pause(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_SHORTEST_SECONDS", 60.0)
    monkeypatch.setattr(fetching, "_LONGEST_SECONDS", 60.0)
    make_topic(kafka, "fetched-at-the-end")
    tp = TopicPartition("fetched-at-the-end", 0)

    async def run() -> None:
        producer, consumer = AIOKafkaProducer(bootstrap_servers=kafka), AIOKafkaConsumer(bootstrap_servers=kafka)
        async with producer, consumer:
            await _begun(producer, consumer, tp)
            await _until(lambda: bool(consumer._fetcher._in_flight))

    asyncio.run(asyncio.wait_for(run(), 30.0))


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


def test_marks_of_transactions_are_given_out_as_well_so_that_no_offset_is_missing(kafka: str) -> None:
    make_topic(kafka, "fetched-with-marks")
    tp = TopicPartition("fetched-with-marks", 0)

    async def run() -> list[RecordBatch]:
        producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id="fetched-with-marks")
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
        async with producer, consumer:
            for _ in range(2):
                async with producer.transaction():
                    await producer.send_and_wait(tp.topic, b"in a transaction")
            consumer.assign([tp])
            await consumer.seek_to_beginning()
            found: list[RecordBatch] = []
            async with asyncio.timeout(20):
                while not found or found[-1].end < 4:
                    for fetched in (await consumer.getmany(timeout_ms=100)).values():
                        found += fetched
            assert await consumer.position(tp) == 4
            return found

    found = asyncio.run(run())
    assert [(batch.offset, batch.end, batch.count) for batch in found] == [(0, 1, 1), (1, 2, 0), (2, 3, 1), (3, 4, 0)]
