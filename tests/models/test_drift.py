"""The drift detector: silence in a steady stream, a find after a change, and a life after a checkpoint."""

from __future__ import annotations

import json

import numpy as np
import pytest
from river import drift

from online_models.drift import Drift


def errors(n: int, share: float, seed: int = 0) -> list[float]:
    """Log losses of somebody who says one in ten, where a share of all are buyers."""
    bought = np.random.default_rng(seed).random(n) < share
    return [float(loss) for loss in np.where(bought, -np.log(0.1), -np.log(0.9))]


@pytest.mark.parametrize("seed", range(5))
def test_a_steady_stream_does_not_drift(seed: int) -> None:
    watch = Drift()
    for ts, error in enumerate(errors(50_000, 0.1, seed)):
        watch.learn_one(error, ts)
    assert (watch.count, watch.last) == (0, None)


@pytest.mark.parametrize("seed", range(5))
def test_a_change_for_the_worse_is_found_once_and_its_time_told(seed: int) -> None:
    watch = Drift()
    for ts, error in enumerate(errors(5_000, 0.1, seed) + errors(5_000, 0.3, seed)):
        watch.learn_one(error, 1_000 * ts)
    assert watch.count == 1
    assert 5_000_000 < (watch.last or 0) < 5_500_000


def test_a_change_for_the_better_is_none() -> None:
    watch = Drift()
    for ts, error in enumerate(errors(5_000, 0.3) + errors(5_000, 0.1)):
        watch.learn_one(error, ts)
    assert watch.count == 0


@pytest.mark.parametrize("stop", [0, 1, 29, 5_000, 5_150, 5_151, 5_152, 9_000])
def test_goes_on_from_a_snapshot(stop: int) -> None:
    stream = errors(5_000, 0.1) + errors(5_000, 0.4)
    straight, first = Drift(), Drift()
    for ts, error in enumerate(stream):
        straight.learn_one(error, ts)
        if ts < stop:
            first.learn_one(error, ts)
    resumed = Drift.from_state(first.state())
    assert json.dumps(resumed.state(), default=np.ndarray.tolist) == json.dumps(
        first.state(), default=np.ndarray.tolist
    )
    for ts in range(stop, len(stream)):
        resumed.learn_one(stream[ts], ts)
    assert json.dumps(resumed.state(), default=np.ndarray.tolist) == json.dumps(
        straight.state(), default=np.ndarray.tolist
    )
    assert straight.count == 1


def test_every_number_rivers_test_keeps_is_in_the_state() -> None:
    """A new version of River that keeps one more would else lose it at every checkpoint."""
    kept = {"_drift_detected", "_x_mean", "_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease"}
    settings = {"min_instances", "delta", "threshold", "alpha", "mode", "_test_drift"}
    assert set(vars(drift.PageHinkley(mode="up"))) == kept | settings
