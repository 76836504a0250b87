"""`upwell evaluate --task propensity`: the figures of real files, and what is said where there are none."""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from online_models.learner import Learner
from online_models.propensity import Propensity
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from streams.errors import SettingsError
from streams.evaluating import propensity
from streams.evaluating.online_shoppers import AMOUNTS, read_online_shoppers
from streams.evaluating.session_examples import read_examples, read_examples_with_last_events
from streams.sources import SourceError, bundled, read_rees46
from tests.sources.shared_data import shared

_BEGINNING = 1_700_000_000_000


def results(path: Path, capsys: pytest.CaptureFixture[str], plot: Path | None = None) -> dict[str, Any]:
    assert propensity.run(argparse.Namespace(stream=path, json=True, plot=plot)) == 0
    table: dict[str, Any] = json.loads(capsys.readouterr().out)
    return table


def test_the_day_that_comes_with_upwell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "reliability.png"
    told = results(bundled("rees46"), capsys, picture)
    live = live_learner()
    expected = live.quality.propensity()
    upwell, last_event, base_rate = told["rows"]
    assert told["examples"] == live.examples > 500
    assert (upwell["name"], last_event["name"], base_rate["name"]) == ("upwell", "last event", "base rate")
    assert upwell["auc"] == pytest.approx(expected["auc"], abs=1e-6)
    assert upwell["log_loss"] == pytest.approx(expected["log_loss"], abs=1e-6)
    assert upwell["calibration_error"] == pytest.approx(expected["calibration_error"], abs=1e-6)
    assert picture.read_bytes().startswith(b"\x89PNG")


def live_learner() -> Learner:
    """What the agents make of the day: the fold of the shoppers, in batches, into the learner."""
    events, shoppers, learner = list(read_rees46(bundled("rees46"))), Shoppers(Vocabulary()), Learner()
    for start in range(0, len(events), 700):
        told = shoppers.fold(events[start : start + 700]).examples
        learner.learn_many(told.features, told.bought, told.profile, told.known_at)
    return learner


def test_one_by_one_finds_the_same_examples_and_the_event_before_each(tmp_path: Path) -> None:
    """`just_carted` is the one feature that tells the last event: both agree, and the examples are the same."""
    rng, path = np.random.default_rng(0), tmp_path / "events.jsonl"
    kinds, late = rng.choice(["view", "add_to_cart", "add_to_wishlist"], 3_000), rng.integers(0, 9_999, 3_000)
    events = [
        {
            "event_id": str(n),
            "type": kind,
            "user_id": f"u{n % 97}",
            "item_id": f"i{n % 7}",
            "ts": _BEGINNING + n * 20_000 + ms,
        }
        for n, (kind, ms) in enumerate(zip(kinds.tolist(), late.tolist(), strict=True))
    ]
    path.write_text("\n".join(json.dumps(event) for event in events))
    examples, last_events = read_examples_with_last_events(path)
    for name, column in vars(read_examples(path)).items():
        assert np.array_equal(getattr(examples, name), column), name
    carted = examples.features[:, 15] == 1.0
    assert 100 < carted.sum() < len(examples) - 100
    assert [last == "add_to_cart" for last in last_events] == carted.tolist()
    assert set(last_events) == {"view", "add_to_cart", "add_to_wishlist"}


def test_running_rates_know_only_what_came_before() -> None:
    bought = np.random.default_rng(0).random(200) < 0.2
    kinds = ["cart" if n % 3 else "view" for n in range(200)]
    rates = propensity.running_rates(bought, kinds)
    for n in range(200):
        before = [bought[m] for m in range(n) if kinds[m] == kinds[n]]
        assert rates[n] == pytest.approx((sum(before) + 0.5) / (len(before) + 10.0))


def test_scores_do_not_know_what_they_predict() -> None:
    rng = np.random.default_rng(0)
    rows, bought = rng.normal(size=(200, 2)), rng.random(200) < 0.5
    scores = Propensity(("a", "b"), batch=8).predict_learn_many(rows, bought)
    changed = bought.copy()
    changed[101:] = ~changed[101:]
    again = Propensity(("a", "b"), batch=8).predict_learn_many(rows, changed)
    assert (scores[:102] == again[:102]).all()
    assert (scores[-50:] != again[-50:]).any()


def test_online_shoppers_reaches_its_goal(capsys: pytest.CaptureFixture[str]) -> None:
    told = results(shared("online-shoppers.csv.gz"), capsys)
    *upwell, base_rate = told["rows"]
    assert told["examples"] == 12_330
    assert len(upwell) == 4
    assert all(row["auc"] > 0.9 for row in upwell)
    assert base_rate["log_loss"] > 1.5 * upwell[0]["log_loss"]


def test_taobao_is_better_than_the_baselines_in_everything(capsys: pytest.CaptureFixture[str]) -> None:
    upwell, *baselines = results(shared("taobao-815-users.csv.gz"), capsys)["rows"]
    for other in baselines:
        assert upwell["auc"] > other["auc"] + 0.1
        for figure in ("log_loss", "brier_score", "calibration_error"):
            assert upwell[figure] < other[figure], figure


HEADER = ";".join([*AMOUNTS, "Month", "Revenue"])


def test_reads_amounts_months_and_outcomes(tmp_path: Path) -> None:
    path = tmp_path / "sessions.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n1;0;0;0;3;64;0;.1;7;0;Feb;TRUE\n{'0;' * 10}Dec;FALSE\n".encode()))
    rows, bought = read_online_shoppers(path)
    assert bought.tolist() == [True, False]
    assert rows[0, :10].tolist() == pytest.approx(np.log1p([1, 0, 0, 0, 3, 64, 0, 0.1, 7, 0]).tolist())
    assert rows[0, 10:].tolist() == [0, 1] + [0] * 10
    assert rows[1, 10:].tolist() == [0] * 11 + [1]


@pytest.mark.parametrize("line", ["x;" * 10 + "Feb;TRUE", "0;" * 10 + "Smarch;TRUE", "0;" * 10 + "Feb;maybe"])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "sessions.csv"
    path.write_text(f"{HEADER}\n{line}\n")
    with pytest.raises(SourceError, match="line 2"):
        read_online_shoppers(path)


def test_a_recording_without_purchases_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "views.jsonl"
    lines = [
        {"event_id": str(n), "type": "view", "user_id": "u", "item_id": "i", "ts": _BEGINNING + n * 10**7}
        for n in range(5)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(SettingsError, match="no session that ends in a purchase"):
        propensity.run(argparse.Namespace(stream=path, json=True, plot=None))
