"""The sender on a real Kafka, and through a network that stands still for a moment."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
import pytest
from aiokafka.partitioner import DefaultPartitioner
from kafka import KafkaConsumer, TopicPartition
from redis import Redis

from loadtest.chaos.proxy import Proxy
from loadtest.open_loop import send_open_loop
from loadtest.paced_traffic import PacedTraffic
from loadtest.partitioning import Broker, Partitioning, Place
from loadtest.pipeline_connection import PipelineConnection
from loadtest.probes import Probe, watch
from loadtest.produce_requests import produce_requests
from loadtest.shoppers import ShopperSettings
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic, TrafficSettings
from streams.errors import ServerError
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES

TRAFFIC = TrafficSettings(1_200, shop=ShopperSettings(users=100, items=50))
LEAD_SECONDS = 0.3
#: Kafka may take a while where it shares its cores.
PATIENCE_SECONDS = 2.0


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers with the topics in place."""
    with surroundings(tmp_path_factory.mktemp("servers")) as variables:
        yield Settings.load(variables)


def encoded(traffic: Traffic, rate: float, partitioning: Partitioning) -> PacedTraffic:
    """The traffic at a rate, beginning in a moment."""
    due = time.time() + LEAD_SECONDS + np.arange(len(traffic)) / rate
    return PacedTraffic(due, produce_requests(traffic.records(), due, rate, partitioning))


def ends(settings: Settings) -> dict[TopicPartition, int]:
    """Where the partitions of the inputs end now."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka)
    places = [TopicPartition(topic, n) for topic in (CLICKSTREAM, PURCHASES) for n in range(settings.partitions)]
    found: dict[TopicPartition, int] = consumer.end_offsets(places)
    consumer.close()
    return found


def read_from(starts: Mapping[TopicPartition, int], count: int, settings: Settings) -> dict[TopicPartition, list[Any]]:
    """So many records after these offsets, by partition."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka)
    consumer.assign(list(starts))
    for place, offset in starts.items():
        consumer.seek(place, offset)
    found: dict[TopicPartition, list[Any]] = {place: [] for place in starts}
    while sum(map(len, found.values())) < count:
        polled = consumer.poll(5_000)
        assert polled
        for place, records in polled.items():
            found[place] += records
    consumer.close()
    return found


@pytest.mark.parametrize("rate", [1_000.0, 20_000.0])
def test_every_event_is_sent_once_where_any_producer_would_send_it(settings: Settings, rate: float) -> None:
    # Given traffic whose purchases have a topic of their own
    traffic, starts = Traffic(TRAFFIC), ends(settings)
    events = encoded(traffic, rate, Partitioning.ask(settings))
    # When it is sent
    sending = send_open_loop(events.requests.requests).of_events(events)
    # Then each partition holds what the usual partitioner gives it, in order, with the time at which it was due
    partition = DefaultPartitioner()
    expected: dict[TopicPartition, list[tuple[bytes, bytes, int]]] = {place: [] for place in starts}
    for record, due in zip(traffic.records(), events.due.tolist(), strict=True):
        assert record.key is not None
        numbers = list(range(settings.partitions))
        place = TopicPartition(PURCHASES if record.purchase else CLICKSTREAM, partition(record.key, numbers, numbers))
        expected[place].append((record.key, record.value, int(1000 * due)))
    found = read_from(starts, len(traffic), settings)
    assert {place: [(one.key, one.value, one.timestamp) for one in records] for place, records in found.items()} == (
        expected
    )
    # And every event left when it was due or later, and was acknowledged after that
    assert (sending.sent >= sending.due).all()
    assert (sending.acknowledged >= sending.sent).all()
    assert sending.cpu_share > 0


def test_events_do_not_wait_for_those_before_them(settings: Settings) -> None:
    # Given a Kafka that everything reaches half a second late
    partitioning = Partitioning.ask(settings)
    port = int(settings.kafka.rpartition(":")[2])
    with Proxy(port) as proxy:
        through = {place: Broker("127.0.0.1", proxy.port) for place in partitioning.leaders}
        events = encoded(Traffic(TRAFFIC), 1_000.0, replace(partitioning, leaders=through))
        proxy.latency(0.5)
        sending = send_open_loop(events.requests.requests).of_events(events)
    # Then each of them waits for its answer for that long, and none does to be sent
    assert (sending.acknowledged - sending.sent > 0.5).all()
    assert (sending.sent[1:] < sending.acknowledged[:-1]).mean() > 0.9


def test_what_kafka_refuses_ends_the_run(settings: Settings) -> None:
    # Given somebody who believes that topics have more partitions than they have
    broker = next(iter(Partitioning.ask(settings).leaders.values()))
    topics = {CLICKSTREAM: 1000, PURCHASES: 1000}
    leaders = {Place(topic, number): broker for topic, count in topics.items() for number in range(count)}
    events = encoded(Traffic(TRAFFIC), 20_000.0, Partitioning(leaders, topics))
    with pytest.raises(ServerError, match="UnknownTopicOrPartition"):
        send_open_loop(events.requests.requests)


def test_a_kafka_that_goes_away_ends_the_run(settings: Settings) -> None:
    # Given a connection that is aborted in the midst of the events
    partitioning = Partitioning.ask(settings)
    with Proxy(int(settings.kafka.rpartition(":")[2])) as proxy:
        through = {place: Broker("127.0.0.1", proxy.port) for place in partitioning.leaders}
        events = encoded(Traffic(TRAFFIC), 1_000.0, replace(partitioning, leaders=through))
        reset = threading.Timer(LEAD_SECONDS + 0.5, proxy.reset)
        reset.start()
        with pytest.raises(ServerError, match="see its log"):
            send_open_loop(events.requests.requests)
        reset.join()


def test_a_connection_may_be_silent_before_the_first_event(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given less patience with Kafka than there is time until the first event
    monkeypatch.setattr("loadtest.pipeline_connection._SILENCE_SECONDS", PATIENCE_SECONDS)
    events = encoded(Traffic(TRAFFIC), 20_000.0, Partitioning.ask(settings))
    late = [replace(one, due=one.due + 1.5 * PATIENCE_SECONDS) for one in events.requests.requests]
    assert not np.isnan(send_open_loop(late).acknowledged).any()


def test_patience_begins_with_what_waits_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given somebody who never answers, and a first request when most of the patience is over
    monkeypatch.setattr("loadtest.pipeline_connection._SILENCE_SECONDS", PATIENCE_SECONDS)
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = PipelineConnection(Broker("127.0.0.1", server.getsockname()[1]), np.zeros(9))
        time.sleep(0.7 * PATIENCE_SECONDS)
        connection.send(b"one")
        time.sleep(0.45 * PATIENCE_SECONDS)
        connection.send(b"two")
        with pytest.raises(ServerError, match="does not answer"):
            send_for_ever(connection)


def send_for_ever(connection: PipelineConnection) -> NoReturn:
    while True:
        time.sleep(0.05 * PATIENCE_SECONDS)
        connection.send(b"more")


def test_more_probes_than_are_asked_for_at_a_time_are_all_seen(settings: Settings) -> None:
    # Given a list that takes account of the first half of many events, and a key without a list
    redis, long_ago = Redis.from_url(settings.redis), time.time() - 29.5
    redis.set("rec:ada", '{"items":[],"as_of":49,"source":"trending"}')
    probes = [*(Probe("rec:ada", ts, long_ago) for ts in range(100)), Probe("rec:bob", 1, long_ago)]
    watching = watch(probes, settings.redis)
    # Then those are seen, the others are given up after a while, and it says what looking cost
    assert [one.seen is not None for one in watching.sightings] == [True] * 50 + [False] * 51
    assert 0 < watching.cpu_share < 1


def test_a_probe_is_seen_when_its_list_changes_and_not_before(settings: Settings) -> None:
    # Given a list that takes account of an event in the second change after it was due, which a script makes
    redis, due = Redis.from_url(settings.redis), time.time() + LEAD_SECONDS
    redis.delete("rec:eve")
    change = redis.register_script("redis.call('SET', KEYS[1], ARGV[1], 'EX', 60)")

    def write(ts: int, seconds: float) -> float:
        time.sleep(max(0.0, due + seconds - time.time()))
        began = time.time()
        change(["rec:eve"], [f'{{"items":[],"as_of":{ts},"source":"trending"}}'])
        return began

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch, [Probe("rec:eve", 7, due), Probe("rec:eve", 8, due)], settings.redis)
        write(6, 0.1)
        began = [write(7, 0.2), write(8, 0.3)]
    # Then each is seen after the change that was meant for it
    seen = [one.seen for one in watching.result().sightings]
    assert all(when is not None and when > earliest for when, earliest in zip(seen, began, strict=True))
