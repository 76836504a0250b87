"""How a worker starts, refuses to start, and stops a partition that is flooded with bad events."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aiokafka import AIOKafkaProducer
from kafka.admin import NewTopic
from redis import Redis

from streams.crash import CANNOT_GO_ON
from streams.decompression import decompressed
from streams.kafka_admin import admin
from streams.lag import LagMeter
from streams.settings import Settings
from streams.topic_creation import ensure_topics
from streams.worker_process import WorkerProcess
from tests.streams.broker import publish, read_all, wait_until_done
from tests.streams.shop import Record, shop


def _wait_for_end(worker: WorkerProcess, seconds: float = 60.0) -> int:
    deadline = time.monotonic() + seconds
    while worker.status is None:
        assert time.monotonic() < deadline, "the worker goes on"
        time.sleep(0.1)
    return worker.status


def test_differing_partition_counts_are_an_error_that_says_so(kafka: str, redis_url: str, tmp_path: Path) -> None:
    settings = Settings(kafka=kafka, redis=redis_url)
    client = admin(settings)
    client.create_topics([NewTopic("clickstream", 2, 1), NewTopic("purchases", 3, 1)])
    try:
        with WorkerProcess(settings, tmp_path / "log") as worker:
            status = _wait_for_end(worker)
    finally:
        client.delete_topics(["clickstream", "purchases", "covisits", "examples", "rejected"])
        client.close()
    assert status == 1
    assert "clickstream has 2 partitions and purchases 3" in (tmp_path / "log").read_text()


def test_a_missing_kafka_is_said_in_one_sentence(tmp_path: Path) -> None:
    settings = Settings(kafka="127.0.0.1:1", redis="redis://127.0.0.1:1/0")
    with WorkerProcess(settings, tmp_path / "log") as worker:
        status = _wait_for_end(worker)
    assert status == 1
    assert "Kafka does not answer at 127.0.0.1:1" in (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_flood_of_bad_events_stops_its_partition_and_no_other(empty_stack: Settings, tmp_path: Path) -> None:
    # Given a worker that tolerates half of 100 records
    ensure_topics(empty_stack)
    limits = {"UPWELL_REJECTION_WINDOW_EVENTS": "100", "UPWELL_MAX_REJECTED_SHARE": "0.5"}
    flood = [Record("clickstream", b"the same key", b"nonsense")] * 300
    with WorkerProcess(empty_stack, tmp_path / "log", limits) as worker:
        # When one partition gets nothing but nonsense, then more, and a shop goes on in all of them
        publish(empty_stack, flood)
        meter = LagMeter(empty_stack)
        worker.wait_until(lambda: any(p.stopped for p in meter.count().partitions), 60)
        made = shop(seed=1, users=40, events=400)
        publish(empty_stack, [*flood, *made.records])
        stopped = [p for p in meter.count().partitions if p.stopped]
        # Then that partition stands still with one message, and the others are done
        worker.wait_until(lambda: all(p.stopped or p.lag == 0 for p in meter.count().partitions), 60)
        assert {p.topic for p in stopped} == {"clickstream", "purchases"}
        assert len({p.partition for p in stopped}) == 1
        assert "is stopped" in str(stopped[0].stopped)
        assert sum(p.lag for p in meter.count().partitions if p.stopped) >= 300
        assert (tmp_path / "log").read_text().count("is stopped") == 1


def test_a_batch_that_holds_too_much_is_set_aside_as_it_came(empty_stack: Settings, tmp_path: Path) -> None:
    """And one that is only just opened as what is in it. Kafka takes both, a few thousand bytes each.

    They are of a transaction, whose mark takes an offset that nobody misses.
    """
    ensure_topics(empty_stack)
    large = bytes(16_700_000)
    bomb, whole = asyncio.run(_publish_compressed(empty_stack, [bytes(40_000_000), large]))
    publish(empty_stack, shop(seed=2, users=40, events=400).records)
    with WorkerProcess(empty_stack, tmp_path / "log") as worker:
        wait_until_done(empty_stack, worker)
    letters = [r for r in read_all(empty_stack, "rejected") if dict(r.headers)["topic"] == b"clickstream"]
    found = {int(dict(r.headers)["offset"]): r.value for r in letters if dict(r.headers)["partition"] == b"0"}
    assert len(found[bomb]) < 40_000
    assert decompressed(found[bomb], 4, most=50_000_000).count(0) >= 40_000_000
    assert found[whole] == large
    log = (tmp_path / "log").read_text()
    assert log.count("set aside in topic rejected") == 1
    assert "did not arrive" not in log


async def _publish_compressed(settings: Settings, values: Sequence[bytes]) -> list[int]:
    """Put values into partition 0 of the clickstream, each in a batch of its own; their offsets."""
    room = {"max_batch_size": 64_000_000, "max_request_size": 64_000_000}
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka, compression_type="zstd", transactional_id="compressed", **room
    )
    async with producer, producer.transaction():
        return [(await producer.send_and_wait("clickstream", value, partition=0)).offset for value in values]


def test_a_worker_stops_in_good_order(empty_stack: Settings, tmp_path: Path) -> None:
    ensure_topics(empty_stack)
    with WorkerProcess(empty_stack, tmp_path / "log") as worker:
        redis = Redis.from_url(empty_stack.redis)
        before = set(redis.scan_iter("worker:*"))
        worker.wait_until(lambda: bool(set(redis.scan_iter("worker:*")) - before), 60)
        worker.send(signal.SIGTERM)
        assert _wait_for_end(worker, 20.0) in (0, -signal.SIGTERM)


_HANGS = """
import asyncio, os, signal
from mode import Service
from streams.commands import worker

class Hangs(Service):
    async def on_started(self):
        os.kill(os.getpid(), signal.SIGTERM)

    async def on_stop(self):
        await asyncio.sleep(600)

worker.STOP_SECONDS = 0.5
worker.PunctualWorker(Hangs()).execute_from_commandline()
"""


def test_a_worker_that_does_not_get_to_its_end_ends_itself() -> None:
    ended = subprocess.run([sys.executable, "-c", _HANGS], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == CANNOT_GO_ON
    assert "This worker was told to stop and has not within 0.5 s" in ended.stderr
