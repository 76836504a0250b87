"""The command `upwell evaluate` for recommendations, on real events that come with upwell or lie beside it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from online_models.baselines import BaselineEngine, Popularity
from online_models.engine import EngineSettings
from online_models.recommendation import RecommendationSettings
from streams.cli import main
from streams.evaluating.footprint import bytes_of
from streams.evaluating.hit_rate_curves import rolling_hit_rate
from streams.evaluating.measuring import Split, measured
from streams.evaluating.recording import read_recording
from streams.evaluating.without_seen import WithoutSeen
from streams.sources import bundled
from tests.sources.shared_data import shared

FIGURES = {"predictions", "hr", "mrr", "coverage", "ms_per_prediction", "events_per_second", "state_bytes"}


@pytest.fixture
def morning(tmp_path: Path) -> Path:
    """The first 1,500 events of the bundled day."""
    path = tmp_path / "morning.csv"
    with gzip.open(bundled("rees46"), "rt") as day:
        path.write_text("".join(line for _, line in zip(range(1501), day, strict=False)))
    return path


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    results: dict[str, Any] = json.loads(capsys.readouterr().out)
    return results


@pytest.mark.parametrize(("option", "value"), [("--k", "many"), ("--warm-up-share", "half"), ("--session-share", "a")])
def test_what_is_wrong_with_an_option_is_said_in_words(
    capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", option, value])
    assert f"{value} is not" in capsys.readouterr().err


def test_every_event_of_a_stream_is_predicted_by_everyone(capsys: pytest.CaptureFixture[str], morning: Path) -> None:
    results = evaluated(capsys, "--stream", morning, "--baselines", "--session-share", "1/4")
    rows = {"upwell": results, **results["baselines"]}
    expected = ["upwell", "popularity", "AR", "SR", "item-cosine", "session-kNN", "session-kNN 1/4"]
    assert list(rows) == expected
    for row in rows.values():
        assert set(row) >= FIGURES
        assert row["predictions"] == 1500
        assert 0 < row["hr"] < 1
        assert row["ms_per_prediction"] > 0
        assert row["state_bytes"] > 10_000
    assert rows["upwell"]["hr"] > rows["popularity"]["hr"]


def test_baselines_can_be_named(capsys: pytest.CaptureFixture[str], morning: Path) -> None:
    results = evaluated(capsys, "--baselines", "SR", "popularity", "--stream", morning)
    assert list(results["baselines"]) == ["SR", "popularity"]


def test_what_is_warmed_up_with_is_not_predicted(capsys: pytest.CaptureFixture[str], morning: Path) -> None:
    results = evaluated(capsys, "--stream", morning, "--warm-up-share", "0.3")
    assert results["predictions"] == 1050
    assert results["baselines"] == {}


def test_the_switches_change_what_may_be_listed(
    capsys: pytest.CaptureFixture[str], morning: Path, tmp_path: Path
) -> None:
    """The current item is the target again and again in this shop, and everything seen is left out on demand."""
    out = tmp_path / "predictions.jsonl"
    left_out = evaluated(capsys, "--stream", morning)
    allowed = evaluated(capsys, "--stream", morning, "--allow-current")
    evaluated(capsys, "--stream", morning, "--leave-out", "seen", "--k", 5, "--predictions", out)
    assert allowed["hr"] > left_out["hr"] + 0.05
    seen: dict[str, set[str]] = {}
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 1500
    for line in lines:
        assert len(line["items"]) <= 5
        assert not seen.setdefault(line["user"], set()) & set(line["items"])
        seen[line["user"]].add(line["target"])


def test_categories_are_easier_than_items(capsys: pytest.CaptureFixture[str], morning: Path) -> None:
    categories = {event.item_id for event in read_recording(morning, "category")}
    items = {event.item_id for event in read_recording(morning)}
    assert len(categories) < len(items) / 3
    by_item = evaluated(capsys, "--stream", morning)
    by_category = evaluated(capsys, "--stream", morning, "--level", "category", "--leave-out", "nothing")
    assert by_category["hr"] > by_item["hr"]


@pytest.mark.parametrize(("name", "start"), [("curve.png", b"\x89PNG"), ("curve.svg", b"<?xml")])
def test_the_plot_is_a_picture(
    capsys: pytest.CaptureFixture[str], morning: Path, tmp_path: Path, name: str, start: bytes
) -> None:
    pytest.importorskip("matplotlib")
    evaluated(capsys, "--stream", morning, "--plot", tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_the_table_tells_the_protocol(capsys: pytest.CaptureFixture[str], morning: Path) -> None:
    assert main(["evaluate", "--stream", str(morning), "--k", "7"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "HR@7" in told
    assert "1,500 predictions; the current item was left out; each event was learned after its prediction." in told


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "give --train FILE --test FILE, or --stream FILE"),
        (("--train", "a.tsv"), "give --train FILE --test FILE, or --stream FILE"),
        (("--stream", "a.tsv", "--train", "b.tsv"), "leave out --train and --test"),
        (("--stream", "a.tsv", "--plot", "a.pdf"), ".png or an .svg"),
        (("--stream", "a.tsv", "--plot", "missing/a.svg"), "make it first"),
        (("--train", "a.tsv", "--test", "a.tsv", "--plot", "a.png"), "name one with --stream FILE"),
        (("--stream", "missing.tsv"), "cannot be read"),
        (("--task", "segments", "--train", "a.tsv", "--test", "a.tsv"), "give --stream FILE"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], part: str
) -> None:
    assert main(["evaluate", *arguments]) == 1
    assert part in capsys.readouterr().err


def test_files_without_categories_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--stream", str(bundled("clothing")), "--level", "category"]) == 1
    assert "no categories" in capsys.readouterr().err


def test_movielens_100k_has_14841_predictions_and_popularity_gets_what_it_got_elsewhere() -> None:
    """Ratings of 5 in order of time, 30 % learned first, what was rated left out: Recall@10 of popularity .105."""
    events = list(read_recording(shared("ml-100k.inter.tsv.gz")))
    assert len(events) == 21_201
    first = int(0.3 * len(events))
    settings = EngineSettings(recommendations=RecommendationSettings(length=600))
    engine = WithoutSeen(BaselineEngine(Popularity(), settings), 10)
    row = measured("popularity", engine, Split("", events[:first], events[first:], True, True, 30.0))
    assert row.quality.predictions == len(row.hits) == 14_841
    assert row.quality.hit_rate == pytest.approx(0.105, abs=0.0005)


def test_the_rolling_hit_rate() -> None:
    assert rolling_hit_rate(bytearray([1, 1, 0, 0]), 2).tolist() == [1.0, 0.5, 0.0]
    assert rolling_hit_rate(bytearray([1, 0, 0, 0]), 4).tolist() == [0.25]


def test_memory_counts_everything_once() -> None:
    text = "x" * 10_000
    assert 10_000 < bytes_of([text, text, {"key": text}]) < 11_000
    assert bytes_of([text, text + "y"]) > 20_000
