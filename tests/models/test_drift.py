"""The drift detector: silence in a steady stream, a find after a change, and a life after a checkpoint."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pytest
from river import drift

from online_models.drift import Drift

NUMBERS = ("_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease")


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


@pytest.mark.parametrize("portion", [1, 7, 400, 20_000])
def test_finds_what_rivers_test_finds_to_the_bit(portion: int) -> None:
    """Through several finds, which begin it anew, some right after the other."""
    chance = np.random.default_rng(3)
    stream = np.concatenate([chance.exponential(scale, 4_000) for scale in (0.3, 0.9, 0.2, 40.0, 0.5)])
    stream[16_100:16_200] = 500.0
    river: Any = cast(Any, drift).PageHinkley(delta=0.05, threshold=100.0, alpha=1.0, mode="up")
    found, watch = [], Drift()
    times = np.arange(len(stream)) * 10
    for start in range(0, len(stream), portion):
        some = slice(start, start + portion)
        watch.learn_many(stream[some], times[some])
        for error, ts in zip(stream[some].tolist(), times[some].tolist(), strict=True):
            river.update(error)
            if river.drift_detected:
                found.append(ts)
        state = watch.state()
        assert state["numbers"].tolist() == [getattr(river, name) for name in NUMBERS]
        assert (state["examples"], state["mean"]) == (river._x_mean.n, river._x_mean.get())
        assert (state["count"], state["found"]) == (len(found), river.drift_detected)
        assert watch.last == (found[-1] if found else None)
    assert len(found) > 3


def test_one_by_one_is_the_same_too() -> None:
    one, many = Drift(), Drift()
    stream = np.array(errors(5_000, 0.1) + errors(5_000, 0.4))
    for ts, error in enumerate(stream.tolist()):
        one.learn_one(error, ts)
    many.learn_many(stream, np.arange(len(stream)))
    many.learn_many(np.zeros(0), np.zeros(0, np.int64))
    assert json.dumps(one.state(), default=np.ndarray.tolist) == json.dumps(many.state(), default=np.ndarray.tolist)


def test_every_number_rivers_test_keeps_is_in_the_state() -> None:
    """A new version of River that keeps one more computes something else."""
    kept = {"_drift_detected", "_x_mean", *NUMBERS}
    settings = {"min_instances", "delta", "threshold", "alpha", "mode", "_test_drift"}
    assert set(vars(drift.PageHinkley(mode="up"))) == kept | settings
    assert drift.PageHinkley().min_instances == 30
