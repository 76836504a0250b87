"""Propensity against a logistic regression worked out by hand, and against what a stream can do to it."""

from __future__ import annotations

import csv
import functools
import gzip
import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim
from river.utils import VectorDict

from online_models.compiled import Floats
from online_models.events import EVENT_TYPES
from online_models.features import FEATURE_LIMIT, PROPENSITY_FEATURES, propensity_features, standardise
from online_models.propensity import Propensity, probabilities
from tests.models.oracles import rivers_scaler

SHOPPERS = Path(__file__).parents[3] / "shared" / "data" / "online-shoppers.csv.gz"
WIDTH = len(PROPENSITY_FEATURES)


def stream(n: int, seed: int = 0) -> tuple[Floats, Any]:
    """Sessions whose first feature makes a purchase likelier and whose second makes it less likely."""
    rng = np.random.default_rng(seed)
    x = rng.normal(3.0, 2.0, size=(n, WIDTH))
    return x, rng.random(n) < 1.0 / (1.0 + np.exp(3.0 - x[:, 0] + x[:, 1]))


def frozen(state: dict[str, Any]) -> str:
    """The state as text that differs whenever a bit does."""
    return json.dumps(state, default=np.ndarray.tolist)


def auc(bought: Any, scores: Floats) -> float:
    """Share of pairs in the right order, ties half: slow and obvious."""
    yes, no = scores[bought][:, None], scores[~bought][None]
    return float(((yes > no) + 0.5 * (yes == no)).mean())


class ByHand:
    """Scaled logistic regression by mini-batch gradient descent, with loops and plain numbers only."""

    def __init__(self, width: int, batch: int) -> None:
        self.w, self.b, self.steps = [0.0] * width, -3.0, 0
        self.seen: list[list[float]] = []
        self.batch = batch

    def scaled(self, row: list[float]) -> list[float]:
        result = []
        for j, value in enumerate(row):
            column = [one[j] for one in self.seen]
            mean = math.fsum(column) / len(column)
            sd = math.sqrt(math.fsum((v - mean) ** 2 for v in column) / len(column))
            result.append(min(max((value - mean) / sd, -5.0), 5.0) if sd > 0.0 else 0.0)
        return result

    def predict(self, row: list[float]) -> float:
        z = self.scaled(row)
        return 1.0 / (1.0 + math.exp(-self.b - math.fsum(w * v for w, v in zip(self.w, z, strict=True))))

    def learn(self, rows: list[list[float]], bought: list[bool]) -> None:
        self.seen += rows
        errors = [self.predict(row) - y for row, y in zip(rows, bought, strict=True)]
        inputs = [self.scaled(row) for row in rows]
        rate = 1.0 / (self.steps + 1) ** 0.4
        for j in range(len(self.w)):
            slope = math.fsum(e * z[j] for e, z in zip(errors, inputs, strict=True)) / self.batch
            self.w[j] -= rate * (slope + 0.001 * self.w[j])
        self.b -= 0.1 * math.fsum(errors) / self.batch
        self.steps += 1


def test_same_as_by_hand() -> None:
    x, y = stream(8 * 6)
    x[:, 3] = 7.0  # a feature that never varies
    x[44, 4] = 1_000.0  # cut to the limit, then from 6.5 to five deviations
    model, oracle = Propensity(batch=8), ByHand(WIDTH, 8)
    for start in range(0, len(x), 8):
        model.learn_many(x[start : start + 8], y[start : start + 8])
        rows = np.clip(x[start : start + 8], -FEATURE_LIMIT, FEATURE_LIMIT).tolist()
        oracle.learn(rows, y[start : start + 8].tolist())
        np.testing.assert_allclose(model.weights, oracle.w, rtol=1e-9, atol=1e-12)
        assert model.intercept == pytest.approx(oracle.b, rel=1e-9)
    probe = stream(20, seed=1)[0]
    expected = [oracle.predict(row) for row in probe.tolist()]
    np.testing.assert_allclose(model.predict_many(probe), expected, rtol=1e-9)


def rivers_regression(model: Propensity) -> Any:
    """River's logistic regression with these weights; its keys are the numbers of the columns."""
    regression: Any = cast(Any, linear_model).LogisticRegression(
        optimizer=optim.SGD(optim.schedulers.InverseScaling(model.learning_rate, model.power)),
        l2=model.l2,
        intercept_init=model.intercept,
        intercept_lr=model.intercept_rate,
    )
    regression._weights = VectorDict(dict(enumerate(model.weights.tolist())))
    regression.optimizer.n_iterations = model.examples // model.batch
    return regression


def rivers_step(regression: Any, deviations: Floats, bought: Any) -> None:
    """River's `learn_many`, but for its dataframes."""
    names = range(deviations.shape[1])
    before = regression._enter_learn_mode(set(names))
    gradient = functools.partial(regression._eval_gradient_many, deviations)
    regression._fit(x=list(names), y=bought, w=1.0, get_grad=gradient)
    regression._exit_learn_mode(before)


@pytest.mark.parametrize("batch", [1, 7, 32])
def test_learns_what_river_learns_to_the_bit(batch: int) -> None:
    """Through hundreds of steps, with values that are cut and a column that does not vary."""
    x, y = stream(300 * batch)
    x[:, 3], x[::11, 4] = 7.0, 1_000.0
    model = Propensity(batch=batch)
    river = rivers_regression(model)
    for start in range(0, len(x), batch):
        rows, bought = np.minimum(x[start : start + batch], FEATURE_LIMIT), y[start : start + batch]
        model.learn_many(rows, bought)
        rivers_step(river, standardise(rows, model.means, model.scales), bought)
        assert model.weights.tolist() == [river.weights[i] for i in range(WIDTH)]
        assert model.intercept == river.intercept


def test_scores_are_those_before_learning_to_the_bit() -> None:
    x, y = stream(400)
    x[:, 3], x[::11, 4] = 7.0, 1_000.0
    model, alone, expected = Propensity(), Propensity(), []
    for row, bought in zip(x, y, strict=True):
        deviations = standardise(np.minimum(row, FEATURE_LIMIT)[None], alone.means, alone.scales)
        expected += probabilities(deviations, alone.weights, alone.intercept).tolist()
        alone.learn_many(row[None], [bought])
    found = [model.predict_learn_many(x[:50], y[:50]), model.predict_learn_many(x[50:], y[50:])]
    assert np.concatenate(found).tolist() == expected
    assert frozen(model.state()) == frozen(alone.state())


def test_many_predicts_what_river_predicts() -> None:
    x, y = stream(500)
    model = Propensity()
    model.learn_many(x, y)
    for row, p in zip(x, model.predict_many(x), strict=True):
        scaled = rivers_scaler(model.scaler).transform_one(dict(enumerate(row.tolist())))
        cut = {name: min(max(value, -5.0), 5.0) for name, value in scaled.items()}
        assert rivers_regression(model).predict_proba_one(cut)[True] == pytest.approx(p, abs=1e-9)


def test_one_is_a_row_of_many() -> None:
    x, y = stream(100)
    one, many = Propensity(), Propensity()
    many.learn_many(x, y)
    for row, bought in zip(x.tolist(), y.tolist(), strict=True):
        one.learn_one(dict(zip(PROPENSITY_FEATURES, row, strict=True)), bought)
    assert frozen(one.state()) == frozen(many.state())
    shopper = dict(zip(PROPENSITY_FEATURES, x[0].tolist(), strict=True))
    assert one.predict_proba_one(shopper)[True] == many.predict_many(x)[0]
    assert one.predict_one(shopper) is bool(many.predict_many(x)[0] > 0.5)
    assert sum(one.predict_proba_one(shopper).values()) == pytest.approx(1.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 70), min_size=1, max_size=12))
def test_portions_make_no_difference(portions: list[int]) -> None:
    x, y = stream(sum(portions))
    x = x.astype(np.float32)
    whole, parts = Propensity(), Propensity()
    whole.learn_many(x, y)
    start = 0
    for portion in portions:
        parts.learn_many(x[start : start + portion], y[start : start + portion])
        start += portion
    assert frozen(whole.state()) == frozen(parts.state())
    alone = np.concatenate([whole.predict_many(row[None]) for row in x])
    assert (alone == whole.predict_many(x)).all()


def test_nothing_changes_until_the_mini_batch_is_full() -> None:
    x, y = stream(64)
    model = Propensity()
    model.learn_many(x[:32], y[:32])
    before = model.predict_many(x)
    model.learn_many(x[32:63], y[32:63])
    assert (model.predict_many(x) == before).all()
    model.learn_many(x[63:], y[63:])
    assert (model.predict_many(x) != before).any()


@pytest.mark.parametrize("stop", [0, 5, 31, 32, 33, 64, 150])
def test_goes_on_from_a_snapshot(stop: int) -> None:
    x, y = stream(300)
    straight, first = Propensity(), Propensity()
    straight.learn_many(x, y)
    first.learn_many(x[:stop], y[:stop])
    snapshot = first.state()
    first.learn_many(x[stop:], y[stop:])  # must not reach into the snapshot
    resumed = Propensity.from_state(snapshot)
    assert frozen(resumed.state()) == frozen(snapshot)
    resumed.learn_many(x[stop:], y[stop:])
    assert frozen(resumed.state()) == frozen(straight.state())
    assert (resumed.predict_many(x) == straight.predict_many(x)).all()


def test_the_parameters_travel_with_the_snapshot() -> None:
    model = Propensity(("a", "b"), 4, learning_rate=0.5, power=0.1, intercept_rate=0.2, intercept=-1.0, l2=0.1)
    x, y = stream(40)
    model.learn_many(x[:30, :2], y[:30])
    resumed = Propensity.from_state(model.state())
    model.learn_many(x[30:, :2], y[30:])
    resumed.learn_many(x[30:, :2], y[30:])
    assert frozen(model.state()) == frozen(resumed.state())


def test_hostile_values_stay_out() -> None:
    x, y = stream(640)
    x[::7] = 1e30
    x[1::7, 0] = np.nan
    x[2::7, 1] = -np.inf
    x[3::7] = 0.0
    model = Propensity()
    model.learn_many(x, y)
    state = model.state()
    for name in ("means", "variances", "weights", "intercept", "waiting"):
        assert np.isfinite(state[name]).all(), name
    scores = model.predict_many(np.vstack([x, np.full((1, WIDTH), np.float32(3e38))]))
    assert ((scores > 0.0) & (scores < 1.0)).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30])
def test_a_constant_stream_teaches_the_base_rate_only(value: float) -> None:
    model = Propensity()
    model.learn_many(np.full((6_400, WIDTH), value), np.arange(6_400) % 4 == 0)
    assert np.abs(model.weights).max() == 0.0
    assert model.predict_many(np.full((1, WIDTH), value))[0] == pytest.approx(0.25, abs=0.05)


def test_one_wild_shopper_does_not_spoil_the_model() -> None:
    x, y = stream(6_400)
    model, spoiled = Propensity(), Propensity()
    model.learn_many(x, y)
    x[3_200] = 1e30
    spoiled.learn_many(x, y)
    probe, bought = stream(2_000, seed=2)
    assert auc(bought, spoiled.predict_many(probe)) > auc(bought, model.predict_many(probe)) - 0.02


def test_follows_a_shop_that_changes() -> None:
    x, y = stream(20_000)
    model = Propensity()
    model.learn_many(x, y)
    mirrored, bought = stream(20_000, seed=1)
    mirrored[:, [0, 1]] = mirrored[:, [1, 0]]
    assert auc(bought[:2_000], model.predict_many(mirrored[:2_000])) < 0.3
    model.learn_many(mirrored, bought)
    assert auc(bought[-2_000:], model.predict_many(mirrored[-2_000:])) > 0.85


def test_keeps_no_hold_of_what_it_is_given() -> None:
    x, y = stream(50)
    model = Propensity()
    model.learn_many(x, y)
    before = frozen(model.state())
    x[:], y[:] = 99.0, True
    assert frozen(model.state()) == before


def test_predicts_before_anything_is_learned() -> None:
    assert Propensity().predict_many(np.ones((2, WIDTH))).round(3).tolist() == [0.047, 0.047]
    assert Propensity().predict_many(np.empty((0, WIDTH))).tolist() == []


@pytest.mark.parametrize(
    ("x", "y"), [([[1.0]], [True]), (np.ones(WIDTH), [True]), (np.ones((2, WIDTH)), [True]), ([], [])]
)
def test_refuses_the_wrong_shape(x: Any, y: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        Propensity().learn_many(x, y)


def test_refuses_senseless_parameters() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Propensity(batch=0)


finite = st.floats(allow_nan=False, allow_infinity=False)
count = st.integers(-(2**31), 2**31 - 1)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(count, min_size=len(EVENT_TYPES), max_size=len(EVENT_TYPES)),
    st.tuples(count, count, *[finite] * 4, *[count] * 3, finite, count, st.booleans(), st.booleans(), count, finite),
)
def test_features_are_finite_for_any_finite_input(counts: list[int], numbers: Any) -> None:
    out = np.full(WIDTH, np.nan, dtype=np.float32)
    propensity_features(out, np.array(counts, dtype=np.int32), *numbers)
    assert (np.abs(out) <= FEATURE_LIMIT).all()


def test_features_say_what_they_say() -> None:
    counts = np.array([9, 3, 1, 0, 2, 1, 1], dtype=np.int32)
    out = np.empty(WIDTH, dtype=np.float32)
    propensity_features(out, counts, 8, 2, 119.0, 9.0, 20.0, 41.0, 1, 4, 3, 6.0, 2, False, True, 30, 2.0)
    found = dict(zip(PROPENSITY_FEATURES, out.tolist(), strict=True))
    expected = {
        "log_events": math.log(9),
        "repeat_share": 0.25,
        "log_repeats": math.log(3),
        "log_carts": math.log(3),
        "log_cart_items": math.log(2),
        "log_wishes": 0.0,
        "log_purchases": math.log(2),
        "log_seconds": math.log(120),
        "log_pause": math.log(10),
        "log_price": math.log(21),
        "price_step": math.log(42 / 21),
        "log_sessions_before": math.log(5),
        "log_purchases_before": math.log(4),
        "log_days_away": math.log(7),
        "buying_share": 2.5 / 9.0,
        "just_carted": 0.0,
        "item_in_cart": 1.0,
        "log_daily_actions": math.log(11),
    }
    assert found == pytest.approx(expected, abs=1e-6)


def test_an_unknown_price_is_no_price_step() -> None:
    out = np.empty(WIDTH, dtype=np.float32)
    counts = np.zeros(len(EVENT_TYPES), dtype=np.int32)
    propensity_features(out, counts, 2, 0, 1.0, 1.0, 20.0, 0.0, 0, 0, 0, 0.0, 0, False, False, 2, 0.0)
    assert out[PROPENSITY_FEATURES.index("price_step")] == 0.0


@pytest.mark.skipif(not SHOPPERS.exists(), reason="../shared/data is not here")
def test_ranks_real_shoppers() -> None:
    """Test-then-learn in file order; River's plain pipeline gets .8818 this way, on the raw numbers."""
    with gzip.open(SHOPPERS, "rt") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    amounts = list(rows[0])[:10]
    months = sorted({row["Month"] for row in rows})
    x = np.array(
        [
            [math.log1p(float(row[name])) for name in amounts]
            + [row["Weekend"] == "TRUE", row["VisitorType"] == "New_Visitor"]
            + [row["Month"] == month for month in months]
            for row in rows
        ]
    )
    bought = np.array([row["Revenue"] == "TRUE" for row in rows])
    model = Propensity(features=[*amounts, "weekend", "new", *months])
    scores = np.empty(len(x))
    for i in range(0, len(x), 32):
        scores[i : i + 32] = model.predict_many(x[i : i + 32])
        model.learn_many(x[i : i + 32], bought[i : i + 32])
    assert auc(bought, scores) > 0.9
