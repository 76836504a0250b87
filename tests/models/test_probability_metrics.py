"""Figures of merit against slow and obvious versions of them, and against River's."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import metrics

from online_models.probability_metrics import area_under_curve, brier_score, log_losses, reliability

PREDICTIONS = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.2, 0.4, 1.0])), min_size=1, max_size=40)
Table = list[tuple[bool, float]]


def columns(table: Table) -> tuple[Any, Any]:
    return np.array([y for y, _ in table]), np.array([p for _, p in table])


@settings(max_examples=200, deadline=None)
@given(PREDICTIONS)
def test_area_under_curve_counts_pairs(table: Table) -> None:
    pairs = [float(p > q) + (p == q) / 2 for y, p in table if y for w, q in table if not w]
    assert area_under_curve(*columns(table)) == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


@settings(max_examples=100, deadline=None)
@given(PREDICTIONS)
def test_losses_are_rivers(table: Table) -> None:
    expected = cast(Any, metrics).LogLoss()
    for y, p in table:
        expected.update(y, p)
    assert log_losses(*columns(table)).mean() == pytest.approx(expected.get())
    assert brier_score(*columns(table)) == pytest.approx(math.fsum((p - y) ** 2 for y, p in table) / len(table))


@settings(max_examples=200, deadline=None)
@given(PREDICTIONS, st.integers(1, 12))
def test_bins_hold_everything_in_equal_numbers(table: Table, count: int) -> None:
    outcomes, probabilities = columns(table)
    bins = reliability(outcomes, probabilities, count)
    assert len(bins.sizes) == min(count, len(table))
    assert bins.sizes.sum() == len(table)
    assert bins.sizes.max() - bins.sizes.min() <= 1
    assert (np.diff(bins.predicted) >= -1e-12).all()
    assert (bins.predicted * bins.sizes).sum() == pytest.approx(probabilities.sum())
    assert (bins.happened * bins.sizes).sum() == pytest.approx(outcomes.sum())


def test_calibration_error_by_hand() -> None:
    outcomes = np.array([False, False, True, True, False, True])
    bins = reliability(outcomes, np.array([0.1, 0.3, 0.5, 0.7, 0.8, 0.9]), bins=3)
    assert bins.predicted.tolist() == pytest.approx([0.2, 0.6, 0.85])
    assert bins.happened.tolist() == [0.0, 1.0, 0.5]
    assert bins.error == pytest.approx((0.2 + 0.4 + 0.35) / 3)


def test_probabilities_that_are_true_have_hardly_any_calibration_error() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random(50_000) ** 2
    outcomes = rng.random(50_000) < probabilities
    assert reliability(outcomes, probabilities).error < 0.01
    assert reliability(outcomes, np.sqrt(probabilities)).error > 0.1
