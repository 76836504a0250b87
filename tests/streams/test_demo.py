"""`upwell demo` and the commands beside it, as a newcomer runs them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import NewTopic
from redis import Redis

from streams.commands import COMMANDS
from streams.commands.check import check
from streams.counters import KEPT_SECONDS
from streams.kafka_admin import admin
from streams.lag import LagMeter
from streams.settings import Settings
from streams.topic_creation import ensure_topics


def _upwell(*arguments: str, settings: Settings | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UPWELL_")}
    if cache := os.environ.get("UPWELL_CACHE"):
        environment["UPWELL_CACHE"] = cache
    if settings:
        environment |= {"UPWELL_KAFKA": settings.kafka, "UPWELL_REDIS": settings.redis}
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments], env=environment, capture_output=True, text=True, timeout=240
    )


@pytest.fixture(scope="module")
def demo() -> Any:
    """What `upwell demo --once --json` prints, at its usual pace, with its own servers."""
    run = _upwell("demo", "--once", "--json")
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("\n") == 1
    return json.loads(run.stdout)


def test_the_demo_processes_every_event_of_the_data(demo: Any) -> None:
    assert demo["events_in"] == demo["events_processed"] == 17_435
    assert (demo["rejected"], demo["duplicates"]) == (0, 0)
    assert (demo["users"], demo["items"]) == (4_505, 6_493)


def test_the_demo_recommends_while_the_shoppers_are_there(demo: Any) -> None:
    assert demo["recommendations_written"] > 4_505
    assert 0 < demo["freshness_ms"]["p50"] <= demo["freshness_ms"]["p99"]
    assert 0.02 < demo["mrr_at_20"] < demo["hit_rate_at_20"] < 0.5
    assert 0.1 < demo["propensity_auc"] <= 1.0  # of a few dozen buyers
    models = demo["models"]
    assert models["auc"] == demo["propensity_auc"]
    assert 0.0 < models["log_loss"] < 0.7
    assert 0.0 < models["base_rate"] < 0.5
    assert 0.0 < models["inertia"] < 100.0
    lately = demo["lately"]
    assert 0.02 < lately["mean_reciprocal_rank"] < lately["hit_rate"] < 0.5
    assert 0.1 < lately["popular_share"] < 1.0
    assert 0.1 < lately["coverage"] <= 1.0


def test_the_demo_describes_the_segments(demo: Any) -> None:
    assert [segment["segment"] for segment in demo["segments"]] == list(range(8))
    assert len({segment["name"] for segment in demo["segments"]}) == 8
    assert sum(segment["share"] for segment in demo["segments"]) == pytest.approx(1.0, abs=0.01)


def test_check_says_what_is_missing_and_what_is_well(empty_stack: Settings) -> None:
    names = ("Kafka", "topics", "Redis", "keys", "workers", "checkpoints")
    redis = Redis.from_url(empty_stack.redis)
    assert _found(empty_stack) == dict.fromkeys(names, True)
    client = admin(empty_stack)
    client.create_topics([NewTopic("clickstream", 4)])
    client.close()
    assert _found(empty_stack) == dict.fromkeys(names, True) | {"topics": False}
    ensure_topics(empty_stack)
    redis.set("upwell", f"{empty_stack.application} 1")
    redis.hset("worker:one", "lists", 1)
    redis.expire("worker:one", KEPT_SECONDS - 20)
    redis.hset("worker:an older version", "lists", 1)
    redis.expire("worker:an older version", 86_000)
    assert _found(empty_stack) == dict.fromkeys(names, True) | {"workers": False}
    redis.expire("worker:one", KEPT_SECONDS)
    assert _found(empty_stack) == dict.fromkeys(names, True)
    redis.hset("stopped", "clickstream:2", "Partition 2 is stopped.")
    run = _upwell("check", "--json", settings=empty_stack)
    assert run.returncode == 1
    assert [finding["name"] for finding in json.loads(run.stdout) if not finding["ok"]] == ["workers"]
    redis.flushdb()


def _found(settings: Settings) -> dict[str, bool]:
    return {finding.name: finding.ok for finding in check(settings)}


def test_lag_counts_what_nobody_has_processed(empty_stack: Settings) -> None:
    ensure_topics(empty_stack)
    producer = KafkaProducer(bootstrap_servers=empty_stack.kafka)
    for _ in range(3):
        producer.send("clickstream", key=b"ada", value=b"{}")
    producer.send("rejected", value=b"?")
    producer.close()
    lag = json.loads(_upwell("lag", "--json", settings=empty_stack).stdout)
    assert (lag["total"], lag["rejected"]) == (3, 1)
    assert sum(partition["lag"] for partition in lag["partitions"]) == 3
    assert "clickstream-" in _upwell("lag", settings=empty_stack).stdout


def test_seconds_of_lag_are_those_that_the_next_record_has_waited(empty_stack: Settings) -> None:
    """Not since the last one: that may be long ago in a quiet shop, or before the worker was started."""
    ensure_topics(empty_stack)
    redis, producer = Redis.from_url(empty_stack.redis), KafkaProducer(bootstrap_servers=empty_stack.kafka)
    hour_ago = int(time.time() * 1000) - 3_600_000
    sent = [
        producer.send("purchases", partition=1, value=b"{}", timestamp_ms=ts) for ts in (hour_ago, hour_ago + 600_000)
    ]
    first = sent[0].get(30).offset
    producer.close()
    meter = LagMeter(empty_stack)
    seconds = []
    for processed in (f"{first} 0", f"{first + 1} {hour_ago}", f"{first + 2} {hour_ago}"):
        redis.hset("progress", "purchases:1", processed)
        seconds += [p.seconds for p in meter.measure().partitions if (p.topic, p.partition) == ("purchases", 1)]
    redis.hset("progress", "purchases:1", f"{first + 9} 0")
    (gone,) = (p for p in meter.measure().partitions if (p.topic, p.partition) == ("purchases", 1))
    meter.close()
    redis.flushdb()
    assert seconds == [pytest.approx(3600, abs=30), pytest.approx(3000, abs=30), 0.0]
    assert (gone.lag, "deleted or cut off" in (gone.stopped or "")) == (first + 2, True)


def test_each_command_says_what_it_does() -> None:
    for name, summary in COMMANDS.items():
        module = importlib.import_module(f"streams.commands.{name}")
        assert (module.__doc__ or "").splitlines()[0] == summary
    listed = _upwell("--help").stdout
    assert all(name in listed for name in COMMANDS)


def test_an_unknown_shopper_is_status_1(empty_stack: Settings) -> None:
    assert _upwell("recommend", "nobody", settings=empty_stack).returncode == 1
    assert _upwell("similar", "nothing", settings=empty_stack).returncode == 1


def test_evaluate_measures_and_writes_every_prediction(tmp_path: Path) -> None:
    # Given sessions in which b always follows a
    train, test, out = tmp_path / "train.tsv", tmp_path / "test.tsv", tmp_path / "out.jsonl"
    rows = [f"{s}\t{item}\t{100 * s + n}" for s in range(20) for n, item in enumerate("ab")]
    train.write_text("SessionId\tItemId\tTime\n" + "\n".join(rows) + "\n")
    test.write_text("SessionId\tItemId\tTime\n90\ta\t9000\n90\tb\t9001\n91\ta\t9100\n91\tnew\t9101\n")
    # When it is evaluated
    files = ("--train", str(train), "--test", str(test), "--predictions", str(out))
    run = _upwell("evaluate", *files, "--k", "5", "--json")
    # Then one of two targets is found, at the first place
    results = json.loads(run.stdout)
    assert (results["predictions"], results["hr"], results["mrr"]) == (2, 0.5, 0.5)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines[0] == {"user": "90", "position": 1, "target": "b", "items": ["b"]}
    assert [line["target"] for line in lines] == ["b", "new"]
