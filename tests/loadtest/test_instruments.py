"""Small live runs of what measures memory, peers and reads, and what they refuse."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from redis import Redis

from loadtest.__main__ import main
from loadtest.curve import plot
from loadtest.peers.command import measure
from loadtest.reader import read_open_loop
from loadtest.shop_size import measure_shop
from loadtest.shoppers import ShopperSettings
from loadtest.traffic import Traffic, TrafficSettings
from streams.embedded.servers import EmbeddedServers
from streams.settings import Settings

SHOP = ShopperSettings(users=500, items=200)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers for all runs, which each of them empties."""
    with EmbeddedServers(tmp_path_factory.mktemp("servers")) as servers, pytest.MonkeyPatch.context() as environment:
        environment.setenv("UPWELL_KAFKA", servers.kafka)
        environment.setenv("UPWELL_REDIS", servers.redis)
        yield Settings.load()


def test_a_database_with_keys_of_others_is_not_emptied(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    redis = Redis.from_url(settings.redis)
    redis.set("theirs", "1")
    for command in ("memory", "peers", "scale", "coefficients"):
        arguments = ["--contenders", "naive"] if command == "peers" else []
        assert main([command, "--events", "1000", *arguments]) == 1
        assert "holds 1 keys" in capsys.readouterr().err
    assert redis.getdel("theirs") == b"1"


def test_a_peer_does_the_job_and_its_outputs_are_there(settings: Settings, tmp_path: Path) -> None:
    traffic = Traffic(TrafficSettings(6_000, shop=SHOP))  # some seconds of work, of which the first does not count
    report = measure(traffic, ["naive"], rounds=1, limit=60.0, directory=tmp_path)
    naive = report["contenders"]["naive"]
    assert naive["complete"]
    assert naive["lists"] == [len(np.unique(traffic.visits.user))]
    assert 0 < naive["events"][0] <= len(traffic)
    assert naive["cpu_us_per_event"] > 0
    assert report["versions"]["faust-streaming"]


def test_a_worker_says_what_it_holds_for_its_users_and_items(settings: Settings, tmp_path: Path) -> None:
    traffic = Traffic(TrafficSettings(4_000, shop=SHOP))
    variables = {"UPWELL_KAFKA": settings.kafka, "UPWELL_REDIS": settings.redis}
    shop = measure_shop(traffic, variables, tmp_path / "shop", lambda _: None)
    assert (shop.users, shop.items) == (len(np.unique(traffic.visits.user)), len(np.unique(traffic.visits.item)))
    # Every shopper's record is at least 100 bytes, every item's id is a string of more than 40
    owned = {name: size for name, size in shop.held.parts.items() if name.startswith("shoppers.partitions.")}
    assert sum(owned.values()) > 100 * shop.users
    assert sum(shop.held.parts.values()) < shop.held.resident
    assert shop.redis.keys["rec:"] == shop.redis.keys["user:"] == shop.users
    assert min(shop.redis.per_key.values()) > 50
    assert shop.redis.total > sum(shop.redis.keys[kind] * shop.redis.per_key[kind] for kind in shop.redis.keys)
    assert min(shop.checkpoints["shoppers"], shop.checkpoints["affinity"]) > 1000
    # At least one co-visit of some 20 bytes for every event that is no repetition
    assert shop.sent["covisits"].messages > 0
    assert shop.sent["covisits"].bytes > 20 * len(traffic)


def test_reads_that_had_to_wait_count_from_when_they_were_due(settings: Settings) -> None:
    # Given a Redis that answers nobody for half a second, in the midst of a second of reads
    redis = Redis.from_url(settings.redis)
    redis.set("rec:ada", "{}")
    start = time.time() + 0.5
    pause = threading.Timer(start + 0.3 - time.time(), lambda: redis.client_pause(500))
    pause.start()
    # When a front end reads all the while
    reading = read_open_loop(["rec:ada"] * 200, start, 200.0, settings.redis)
    pause.join()
    # Then one read waited for its answer, and some 60 more waited because of it
    waits = reading.answered - reading.due
    assert reading.found == 200
    assert (reading.answered - reading.sent > 0.2).sum() == 1
    assert (waits > 0.2).sum() > 30
    assert np.allclose(np.diff(reading.due), 1 / 200, atol=1e-5)


def test_a_curve_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [{"axis": "users", "value": value, "ratio_to_base": 1.0, "ratio_range": [0.9, 1.2]} for value in (10, 100)]
    plot({"spread": {"users": 0.0}, "goal": 0.15, "points": points}, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments",
    [
        ["peers", "--contenders", "naive,flink"],
        ["peers", "--rounds", "0"],
        ["reads", "--reads", "0"],
        ["reads", "--rate", "-1"],
        ["memory", "--times", "1"],
        ["memory", "--users", "0"],
        ["scale", "--events", "0"],
        ["scale", "--rounds", "0"],
        ["scale", "--plot", "curve.txt"],
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"loadtest {arguments[0]}: ")
    assert error.count("\n") == 1
