"""What the learner says of itself against the same worked out by hand, and a shop that changes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from online_models.learner import Learner
from online_models.propensity import Propensity
from online_models.rolling_quality import RollingQuality
from online_models.segments import Segments
from tests.models.test_learner import examples, part


def small() -> Learner:
    return Learner(Propensity(batch=8), Segments(block=100), window=300)


def test_inertia_is_that_of_the_last_customers_before_they_were_learned() -> None:
    """Each customer's distance to the centres as they were right before, by brute force."""
    x, bought, z, ts = examples(450)
    learner, alone, squares = small(), Segments(block=100), []
    learner.learn_many(x, bought, z, ts)
    for row in z:
        if len(alone.centers):
            point = np.clip((np.asarray(row, dtype=np.float64) - alone.means) / alone.scales, -5.0, 5.0)
            squares.append(float(((alone.centers - point) ** 2).sum(axis=1).min()))
        alone.learn_many(row[None])
    assert len(squares) == 350
    assert learner.quality.segments()["inertia"] == pytest.approx(np.mean(squares[-300:]))
    assert learner.parameters()["segments"]["inertia"] == learner.quality.segments()["inertia"]


def test_calibration_error_is_that_of_the_last_predictions() -> None:
    x, bought, z, ts = examples(450)
    learner, alone, scores = small(), Propensity(batch=8), []
    learner.learn_many(x, bought, z, ts)
    for row, y in zip(x, bought, strict=True):
        scores.append(float(alone.predict_many(row[None])[0]))
        alone.learn_many(row[None], [y])
    table = sorted(zip(scores[-300:], bought[-300:].tolist(), strict=True))
    bins = [table[start : start + 30] for start in range(0, 300, 30)]
    expected = np.mean([abs(np.mean([p for p, _ in some]) - np.mean([y for _, y in some])) for some in bins])
    assert learner.quality.propensity()["calibration_error"] == pytest.approx(expected)


def test_no_inertia_during_warm_up() -> None:
    learner = small()
    learner.learn_many(*examples(100))
    assert learner.quality.segments() == {"inertia": None, "drifts": 0, "drifted_at": None}


@pytest.mark.parametrize("portion", [1, 7, 250, 9_000])
def test_a_shop_that_changes_is_noticed_whatever_the_portions(portion: int) -> None:
    """Who buys turns round after 6,000 examples, and so do the customers: both are found, with the time."""
    first, then = examples(6_000), examples(3_000, seed=1)
    bought = np.concatenate([first[1], ~then[1]])
    z = np.concatenate([first[2], np.roll(then[2], 3, axis=1) * 3.0])
    stream = (np.concatenate([first[0], then[0]]), bought, z, 1_000 * np.arange(9_000))
    stop = 9_000 if portion > 1 else 7_000
    learner, whole = Learner(), Learner()
    whole.learn_many(*part(stream, 0, stop))
    for start in range(0, stop, portion):
        learner.learn_many(*part(stream, start, min(start + portion, stop)))
    for told in (learner.quality.propensity(), learner.quality.segments()):
        assert told["drifts"] == 1
        assert 6_000_000 < (told["drifted_at"] or 0) < 7_000_000
    assert learner.parameters() == whole.parameters()


def test_a_steady_shop_does_not_drift() -> None:
    learner = Learner()
    learner.learn_many(*examples(12_000))
    assert learner.quality.propensity()["drifts"] == learner.quality.segments()["drifts"] == 0


def test_what_is_out_of_the_window_does_not_count() -> None:
    quality = RollingQuality(window=10)
    quality.learn_distances(np.full(50, 9.0), np.arange(50))
    quality.learn_distances(np.full(10, 2.0), np.arange(10))
    assert quality.segments()["inertia"] == 4.0


def test_what_is_published_is_documented() -> None:
    learner = small()
    learner.learn_many(*examples(300))
    page = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
    documented = set(re.findall(r"`((?:propensity|segments)\.\w+)`", page))
    published = {f"propensity.{name}" for name in learner.quality.propensity()}
    published |= {f"segments.{name}" for name in learner.quality.segments()}
    assert documented == published
