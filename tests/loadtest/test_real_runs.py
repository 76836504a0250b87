"""Small runs of every load test on a real Kafka, a real worker and a real Redis."""

import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from loadtest.__main__ import main
from loadtest.correctness import mistakes
from loadtest.shoppers import ShopperSettings
from loadtest.traffic import Traffic, TrafficSettings
from loadtest.truth import Truth, truth_of
from streams.embedded.servers import EmbeddedServers
from streams.reading import open_redis
from streams.settings import Settings

EVENTS = 5000
SHOP = ("--users", "500", "--items", "200")


class Run(NamedTuple):
    """How a load test ended, and what it printed."""

    status: int
    report: dict[str, Any]
    settings: Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers for all runs, given to the load tests as a user would give them."""
    with EmbeddedServers(tmp_path_factory.mktemp("servers")) as servers, pytest.MonkeyPatch.context() as environment:
        environment.setenv("UPWELL_KAFKA", servers.kafka)
        environment.setenv("UPWELL_REDIS", servers.redis)
        yield Settings.load()


@pytest.fixture(scope="module")
def throughput(settings: Settings) -> Run:
    """The first load test on these servers."""
    return run("throughput", settings, "--events", str(EVENTS))


@pytest.fixture
def truth() -> Truth:
    """What that one has to leave behind."""
    return truth_of(Traffic(TrafficSettings(EVENTS, shop=ShopperSettings(users=500, items=200))))


def run(command: str, settings: Settings, *options: str) -> Run:
    """Call a load test as from the command line."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = main([command, *options, *SHOP, "--json"])
    return Run(status, json.loads(out.getvalue()), settings)


def test_throughput_reports_speed_and_finds_every_event_counted_once(throughput: Run) -> None:
    report = throughput.report
    assert (throughput.status, report["correct"], report["mistakes"]) == (0, True, [])
    assert report["events"] == EVENTS
    assert report["counters"]["accepted"] == 4900
    assert report["peak_memory_mib"] > 50
    assert report["start_up_cpu_seconds"] > 0
    assert report["share_in_taste"] > 0.5
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["kafka"] != "unknown"
    assert report["traffic"]["shop"]["seed"] == 1


def test_what_was_lost_or_counted_twice_is_found(throughput: Run, truth: Truth) -> None:
    # Given what the worker left behind, which is right
    redis = open_redis(throughput.settings)
    assert mistakes(truth, throughput.settings) == []

    # When one shopper has an event too many, one is gone, one list is old, and one dead letter is missing
    counted_twice, lost, stale = truth.users[:3]
    redis.hincrby(f"user:{counted_twice}", "events", 1)
    redis.delete(f"user:{lost}")
    redis.set(f"rec:{stale}", '{"items":[],"as_of":1,"source":"trending"}')
    redis.hset("user:nobody", "events", 1)
    redis.hincrby(redis.keys("worker:*")[0], "rejected", -1)

    # Then each of them is said
    found = "\n".join(mistakes(truth, throughput.settings))
    assert f"{counted_twice} with events" in found
    assert f"{lost} with events None" in found
    assert "such as nobody" in found
    assert f"no list that takes account of their last event, such as {stale}" in found
    assert "49 events as rejected instead of 50" in found


def test_servers_that_were_used_are_refused(
    throughput: Run, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    assert main(["throughput", "--events", "10"]) == 1
    assert "upwell has been used on" in capsys.readouterr().err


def test_freshness_reports_latencies_from_when_events_were_due(throughput: Run, settings: Settings) -> None:
    status, report, _ = run(
        "freshness", settings, "--rate", "200", "--seconds", "3", "--warm-up", "1", "--history", "1000"
    )
    assert (status, report["unseen"], report["unacknowledged"]) == (0, 0, 0)
    assert report["achieved_rate"] == pytest.approx(200, rel=0.1)
    fresh, stages = report["freshness_ms"], report["stages_ms"]
    assert 0 < fresh["p50"] <= fresh["p95"] <= fresh["p99"] <= fresh["max"]
    assert fresh["count"] > 500
    assert stages["worker_kafka_timestamp_to_redis"]["count"] > 500
    assert stages["acknowledged_after_sent"]["p50"] < fresh["p50"]
    assert report["measurement_error_ms"]["p50"] < fresh["p50"]
    assert set(report["instrument_cpu_share"]) == {"sender", "watcher", "this_process"}
    assert all(0 < share < 1 for share in report["instrument_cpu_share"].values())


@pytest.mark.parametrize(
    "arguments",
    [
        ["throughput", "--events", "0"],
        ["throughput", "--items", "3"],
        ["freshness", "--rate", "0"],
        ["freshness", "--rate", "10", "--seconds", "-1"],
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"loadtest {arguments[0]}: ")
    assert error.count("\n") == 1
