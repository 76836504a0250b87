"""Deliveries that are lost between Kafka and an agent, as when a client drops them, are fetched again."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, cast

from redis import Redis

from loadtest.live_worker import live_worker
from streams.settings import Settings
from streams.topic_creation import ensure_topics
from streams.topics import CLICKSTREAM, COVISITS, PURCHASES
from tests.streams import shop
from tests.streams.broker import publish, wait_until_done

#: A worker that loses the first delivery of each topic in which more is certain to follow: that is how it is noticed.
LEAKY = """
from streams import cli, delivery

whole, lost = delivery.MicroBatches.iterate, {"examples"}

def leaky(self, records):
    for tp, delivered in whole(self, records):
        if tp.topic in lost:
            yield tp, delivered
        lost.add(tp.topic)

delivery.MicroBatches.iterate = leaky
cli.main(["worker"])
"""


def test_every_event_counts_once_though_deliveries_are_dropped(empty_stack: Settings, tmp_path: Path) -> None:
    ensure_topics(empty_stack)
    made = shop.shop(seed=11, users=60, events=3_000)
    variables = {
        "UPWELL_KAFKA": empty_stack.kafka,
        "UPWELL_REDIS": empty_stack.redis,
        "UPWELL_CHECKPOINTS": empty_stack.checkpoints_url,
    }
    redis: Any = Redis.from_url(empty_stack.redis, decode_responses=True)
    with live_worker(tmp_path, variables, ["-c", LEAKY]) as worker:
        while not any(redis.scan_iter("worker:*")):
            worker.check()
            time.sleep(0.1)
        for start in range(0, len(made.records), 150):
            publish(empty_stack, made.records[start : start + 150])
            time.sleep(0.1)
        wait_until_done(empty_stack, cast(Any, worker))
    log = worker.log.read_text()
    assert all(re.search(rf"{topic}-\d did not arrive", log) for topic in (CLICKSTREAM, PURCHASES, COVISITS))
    found = {key.removeprefix("user:"): redis.hget(key, "events") for key in redis.scan_iter("user:*")}
    expected = shop.counters(made.accepted)
    assert found == {user: str(int(truth["events"])) for user, truth in expected.items()}
