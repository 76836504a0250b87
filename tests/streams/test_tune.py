"""`upwell tune`, as an operator runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.cli import main
from streams.sources import bundled


def test_it_says_what_to_use_and_by_how_much_it_is_better(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(bundled("rees46")), str(bundled("clothing"))]
    assert main(["tune", *files, "--events", "3000", "--predictions", "60", "--minutes", "0.1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    current = {"step_weight": 0.42, "damping": 0.2, "half_life_days": 90.0, "recent_items": 20}
    assert report["current"] == report["steps"][0] == current
    assert report["trials"][0] == {**current, "gain": 0.0, "standard_error": 0.0}
    assert report["use"] == (current if report["keep_current"] else report["best"])
    assert [(file["events"], file["predictions"]) for file in report["files"]] == [
        (3000, {"choosing": 36, "confirming": 24})
    ] * 2
    for pair in ("current", "best"):
        means = [sum(file[pair][n] for file in report["files"]) / 2 for n in range(2)]
        assert report["confirmed_by"][pair] == pytest.approx(means)
        assert 0 < means[1] < means[0] < 1


def test_it_begins_with_the_settings_of_the_operator(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPWELL_STEP_WEIGHT", "0.7")
    assert main(["tune", str(bundled("clothing")), "--events", "500", "--minutes", "0.001", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["current"]["step_weight"] == 0.7


def test_too_few_events_to_tell_anything_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "few.tsv"
    file.write_text("SessionId\tItemId\tTime\n1\ta\t1\n1\tb\t2\n")
    assert main(["tune", str(file)]) == 1
    assert "too few" in capsys.readouterr().err


def test_chance_cannot_be_told_from_gain_where_all_are_one_shopper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "guests.tsv"
    file.write_text("SessionId\tItemId\tTime\n" + "".join(f"guest\t{n % 7}\t{n}\n" for n in range(200)))
    assert main(["tune", str(file)]) == 1
    assert "is of 1 shoppers" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [["--minutes", "nan"], ["--minutes", "inf"], ["--predictions", "-3"], ["--events", "-5"]]
)
def test_numbers_that_mean_nothing_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", str(bundled("clothing")), *wrong]) == 1
    assert "--minutes is up to" in capsys.readouterr().err
