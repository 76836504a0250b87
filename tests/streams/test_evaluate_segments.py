"""`upwell evaluate --task segments`: streaming against batch K-means on vectors that are known, and on real ones."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from online_models.compiled import Floats
from online_models.features import PROFILE_FEATURES, standardise
from streams.errors import SettingsError
from streams.evaluating import segments
from streams.evaluating.streaming_k_means import BLOCK, batch_centers, contenders
from streams.sources import bundled
from tests.models.test_segments import crowds
from tests.sources.shared_data import shared

NAMES = ["upwell", "MiniBatchKMeans", "River KMeans", "River STREAMKMeans"]


def inertia(points: Floats, centers: Floats) -> float:
    return float(((points[:, None] - centers[None]) ** 2).sum(axis=2).min(axis=1).sum())


def test_the_figures_of_a_contender_by_hand() -> None:
    """The same run with plain loops: each block before it is learned, then everything with the centres at the end."""
    vectors = crowds(2_000)[0]
    means, scales = vectors.mean(axis=0), vectors.std(axis=0)
    points = standardise(vectors, means, scales)
    found = segments.compared(vectors, PROFILE_FEATURES, seed=3)
    assert list(found) == NAMES
    for name in NAMES:
        model, before = contenders(PROFILE_FEATURES, means, scales)[name](3), 0.0
        for start in range(0, 2_000, BLOCK):
            some = slice(start, start + BLOCK)
            before += inertia(points[some], model.centers()) if start else 0.0
            model.learn_many(vectors[some], points[some])
        best, half = batch_centers(points), points[1_000:]
        assert found[name].test_then_learn == pytest.approx(before / inertia(points[BLOCK:], best))
        assert found[name].all == pytest.approx(inertia(points, model.centers()) / inertia(points, best))
        last_half = inertia(half, model.centers()) / inertia(half, batch_centers(half))
        assert found[name].last_half == pytest.approx(last_half)
        assert len(found[name].blocks) == 3


def test_upwell_is_the_tightest_on_planted_crowds() -> None:
    found = segments.compared(crowds(5_000)[0], PROFILE_FEATURES, seed=0)
    assert found["upwell"].all < 1.05
    assert all(found["upwell"].all < found[name].all for name in NAMES[1:])


def test_online_shoppers_reaches_its_goal() -> None:
    """In random order, where nothing changes on the way, the centres at the end are nearly those of the batch."""
    vectors, features = segments.read_vectors(shared("online-shoppers.csv.gz"))
    order = np.random.default_rng(0).permutation(len(vectors))
    found = segments.compared(vectors[order], features, seed=0)
    assert found["upwell"].all < 1.05
    assert all(found["upwell"].all < found[name].all for name in NAMES[1:])


def test_prints_draws_and_says_what_a_program_may_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = crowds(1_100)[0]
    monkeypatch.setattr(segments, "read_vectors", lambda path: (vectors, PROFILE_FEATURES))
    picture = tmp_path / "segments.png"
    assert segments.run(argparse.Namespace(stream=Path("some"), json=True, plot=picture)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["vectors"] == 1_100
    assert list(told["orders"]["as recorded"]) == list(told["orders"]["shuffled"]) == NAMES
    assert len(told["orders"]["shuffled"]["upwell"]["last_half"]) == segments.SEEDS
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert segments.run(argparse.Namespace(stream=Path("some"), json=False, plot=None)) == 0
    assert "test-then-learn" in capsys.readouterr().out


def test_a_recording_that_is_too_short_is_refused() -> None:
    with pytest.raises(SettingsError, match="longer recording"):
        segments.run(argparse.Namespace(stream=bundled("rees46"), json=True, plot=None))
