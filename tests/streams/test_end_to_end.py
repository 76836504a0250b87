"""The main job on a real Kafka and a real Redis: what is published, against what was counted by hand."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from streams.settings import Settings
from streams.topic_creation import ensure_topics
from streams.worker_process import WorkerProcess
from tests.streams import shop
from tests.streams.broker import publish, read_all, wait_until_done


@dataclass
class Outcome:
    """A shop, and the Redis and Kafka after a worker was done with it."""

    shop: shop.Shop
    redis: Any
    settings: Settings


@pytest.fixture(scope="module")
def outcome(empty_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """One run that all tests of the module look at: the events wait in Kafka, and a worker drains them."""
    made = shop.shop(seed=7, users=150, events=6_000)
    ensure_topics(empty_stack)
    log: Path = tmp_path_factory.mktemp("worker") / "log"
    publish(empty_stack, made.records)
    with WorkerProcess(empty_stack, log) as worker:
        wait_until_done(empty_stack, worker)
        yield Outcome(made, Redis.from_url(empty_stack.redis, decode_responses=True), empty_stack)


def test_counters_of_every_user_equal_the_count_by_hand(outcome: Outcome) -> None:
    expected = shop.counters(outcome.shop.accepted)
    found = {key.removeprefix("user:"): outcome.redis.hgetall(key) for key in outcome.redis.scan_iter("user:*")}
    assert found.keys() == expected.keys()
    for user, truth in expected.items():
        names = ("events", *shop.TYPES, "first_seen", "last_seen")
        numbers = {name: float(found[user].get(name, 0)) for name in names}
        assert not {"0", "0.0"} & {
            value for name, value in found[user].items() if name not in ("segment", "propensity")
        }
        assert numbers == {name: truth.get(name, 0.0) for name in numbers}
        assert float(found[user].get("spend", 0)) == pytest.approx(truth["spend"], abs=1e-6)


def test_every_bad_record_is_in_rejected_with_its_bytes_and_where_it_was(outcome: Outcome) -> None:
    rejected = read_all(outcome.settings, "rejected")
    assert Counter(record.value for record in rejected) == Counter(record.value for record in outcome.shop.bad)
    published = {
        (record.topic, record.partition, record.offset): (record.key, record.value)
        for topic in ("clickstream", "purchases")
        for record in read_all(outcome.settings, topic)
    }
    for record in rejected:
        headers = dict(record.headers)
        source = (headers["topic"].decode(), int(headers["partition"]), int(headers["offset"]))
        assert published[source] == (record.key, record.value)
        assert headers["reason"]


def test_workers_count_what_was_published(outcome: Outcome) -> None:
    (worker,) = (outcome.redis.hgetall(key) for key in outcome.redis.scan_iter("worker:*"))
    assert int(worker["accepted"]) == len(outcome.shop.accepted)
    assert int(worker["duplicates"]) == outcome.shop.duplicates
    assert int(worker["rejected"]) == len(outcome.shop.bad)


def test_support_of_similar_items_equals_a_recount_over_sessions(outcome: Outcome) -> None:
    together = shop.support(outcome.shop.accepted)
    found = {
        frozenset((key.removeprefix("sim:"), entry["id"])): entry["support"]
        for key in outcome.redis.scan_iter("sim:*")
        for entry in json.loads(outcome.redis.get(key))["items"]
    }
    assert len(found) > 1_000
    assert found == {pair: together[pair] for pair in found}


def test_every_shopper_has_a_list_once_anything_is_known(outcome: Outcome) -> None:
    deadline = time.monotonic() + 20
    users = shop.counters(outcome.shop.accepted)
    while empty := [user for user in users if not json.loads(outcome.redis.get(f"rec:{user}"))["items"]]:
        assert time.monotonic() < deadline, empty
        time.sleep(0.2)


def test_lists_are_ranked(outcome: Outcome) -> None:
    """By exact scores: four digits are shown. That ties are broken by id is in `test_same_lists`."""
    keys = [*outcome.redis.scan_iter("sim:*"), *outcome.redis.scan_iter("rec:*"), "trending:all"]
    assert len(keys) > 200
    for key in keys:
        scores = [entry["score"] for entry in json.loads(outcome.redis.get(key))["items"]]
        assert scores
        assert scores == sorted(scores, reverse=True), key


def test_nobody_is_recommended_what_they_bought_last(outcome: Outcome) -> None:
    last_bought = {e["user_id"]: e["item_id"] for e in outcome.shop.accepted if e["type"] == "purchase"}
    assert len(last_bought) > 100
    for user, item in last_bought.items():
        recommended = json.loads(outcome.redis.get(f"rec:{user}"))
        assert item not in {entry["id"] for entry in recommended["items"]}


def test_every_key_of_a_shop_expires(outcome: Outcome) -> None:
    for pattern in ("rec:*", "user:*", "sim:*", "trending:*", "model:*", "fence:*"):
        keys = list(outcome.redis.scan_iter(pattern))
        assert keys, pattern
        assert all(outcome.redis.ttl(key) > 0 for key in keys), pattern
