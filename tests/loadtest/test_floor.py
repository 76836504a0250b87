"""The floor: a small run of every part on real servers, and what is made of the figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from loadtest.__main__ import main
from loadtest.floor.command import figures, measure
from loadtest.floor.material import Material, gather, load, save
from loadtest.floor.parts import PARTS, SUMS
from loadtest.floor.stopwatch import Measured
from loadtest.floor.turn import take_turn
from loadtest.shoppers import ShopperSettings
from loadtest.traffic import Traffic, TrafficSettings
from streams.embedded.servers import EmbeddedServers
from streams.errors import EngineError
from streams.settings import Settings

pytestmark = pytest.mark.long

#: Enough that upwell is seen at work before it is done.
EVENTS = 40_000


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers of their own, given to the load test as a user would give them."""
    with EmbeddedServers(tmp_path_factory.mktemp("servers")) as servers, pytest.MonkeyPatch.context() as environment:
        environment.setenv("UPWELL_KAFKA", servers.kafka)
        environment.setenv("UPWELL_REDIS", servers.redis)
        yield Settings.load()


@pytest.fixture(scope="module")
def report(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One round."""
    traffic = Traffic(TrafficSettings(EVENTS, shop=ShopperSettings(users=5_000, items=1_000)))
    return measure(traffic, 1, tmp_path_factory.mktemp("floor"))


def test_every_part_did_all_of_its_work(report: dict[str, Any]) -> None:
    assert list(report["parts"]) == ["upwell", *PARTS]
    assert all(report["parts"][name]["events"] == [EVENTS] for name in PARTS)
    assert 0 < report["parts"]["upwell"]["events"][0] < EVENTS
    assert all(part["cpu_us_per_event"]["median"] > 0 for part in report["parts"].values())
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["kafka"] != "unknown"
    assert report["traffic"]["records"] == EVENTS


def test_what_upwell_wrote_was_written_again_and_what_it_published_was_published_again(
    report: dict[str, Any], settings: Settings
) -> None:
    volume = {name: round(EVENTS * amount) for name, amount in report["volume_per_event"].items()}
    assert volume["lists"] > 1000
    assert volume["list bytes"] > 500 * volume["lists"]
    # As many messages once more as upwell left, and as large on the whole
    now = gather(settings, EVENTS)
    assert len(now.messages) == pytest.approx(2 * volume["messages"], rel=0.01)
    assert sum(len(message.value) for message in now.messages) == pytest.approx(2 * volume["message bytes"], rel=0.01)
    # Redis counts upwell's writes, the plain ones, and those behind the fence
    calls: Any = Redis.from_url(settings.redis).info("commandstats")
    assert calls["cmdstat_set"]["calls"] >= 3 * (volume["lists"] + volume["lists of similar items"]) * 0.99
    assert calls["cmdstat_hset"]["calls"] >= 3 * volume["lists"] * 0.99
    assert int(Redis.from_url(settings.redis).get("fence:floor:0").split()[1]) > volume["lists"] / 64  # type: ignore[union-attr]


def test_material_is_kept_to_the_byte(report: dict[str, Any], settings: Settings, tmp_path: Path) -> None:
    material = gather(settings, EVENTS)
    assert max(len(material.list_samples), len(material.hash_samples), len(material.similar_samples)) <= 5000
    save(material, tmp_path)
    assert load(tmp_path) == material


def test_a_part_that_fails_is_told_in_a_sentence(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"Part decode of the floor ended with status 1 \(FileNotFoundError: .*\)"):
        take_turn("decode", tmp_path, {})


def test_ratios_are_taken_within_a_round_and_medians_over_rounds() -> None:
    """Given a machine that is twice as slow in the second round and three times in the third, the ratio is the same."""
    floor = {name: [Measured(100, 1.0, slow * 0.001) for slow in (1, 2, 3)] for name in PARTS}
    upwell = [Measured(50, 1.0, slow * 0.004) for slow in (1, 2, 3)]
    found = figures({"upwell": upwell, **floor})
    assert found["parts"]["decode"]["cpu_us_per_event"] == {"median": 20.0, "lowest": 10.0, "highest": 30.0}
    for name, parts in SUMS.items():
        assert found["sums"][name]["cpu_us_per_event"]["median"] == 20.0 * len(parts)
        assert found["sums"][name]["upwell_times"] == {"median": 2.0, "lowest": 2.0, "highest": 2.0}


def test_volumes_are_per_event() -> None:
    values = [("rec:ada", b"x" * 100), ("rec:bob", b"x" * 300)]
    volume = Material(1000, 130, 0, values, [], [], []).volume_per_event()
    assert (volume["lists"], volume["list bytes"], volume["lists of similar items"]) == (0.13, 26.0, 0.0)


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--events", "0"]])
def test_what_cannot_be_measured_is_refused_in_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["floor", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("loadtest floor: ")
    assert error.count("\n") == 1


def test_servers_that_were_used_are_refused(report: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["floor", "--events", "1000"]) == 1
    assert "upwell has been used on" in capsys.readouterr().err
