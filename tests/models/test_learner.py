"""Learner and Scorer: test-then-learn by hand, portions, snapshots, and parameters that come back from outside."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES
from online_models.learner import Learner, Scorer
from online_models.propensity import Propensity
from online_models.segments import Segments
from tests.models.oracles import rivers_k_means, rivers_scaler
from tests.models.test_propensity import rivers_regression

ROOT = Path(__file__).parents[2]
Block = tuple[Any, Any, Any, Any]
UNKNOWN: dict[str, float | None] = {
    "auc": None,
    "log_loss": None,
    "calibration_error": None,
    "base_rate": None,
    "drifts": 0,
    "drifted_at": None,
}


def examples(n: int, seed: int = 0) -> Block:
    """Sessions whose first feature makes a purchase likelier, by customers of six kinds; and when it was known."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(PROPENSITY_FEATURES))).astype(np.float32)
    bought = rng.random(n) < 1.0 / (1.0 + np.exp(2.0 - 2.0 * x[:, 0]))
    middles = rng.normal(size=(6, len(PROFILE_FEATURES))) * 4.0
    z = (middles[rng.choice(6, size=n)] + rng.normal(size=(n, len(PROFILE_FEATURES)))).astype(np.float32)
    return x, bought, z, 1_700_000_000_000 + np.arange(n, dtype=np.int64)


def part(block: Block, start: int, stop: int | None = None) -> Block:
    x, bought, z, ts = block
    return x[start:stop], bought[start:stop], z[start:stop], ts[start:stop]


def small() -> Learner:
    """A learner that is through with its warm-up after 100 examples."""
    return Learner(Propensity(batch=8), Segments(block=100), window=300)


def frozen(state: dict[str, Any]) -> str:
    """The state as text that differs whenever a bit does."""
    return json.dumps(state, default=np.ndarray.tolist)


def published(n: int = 700) -> dict[str, Any]:
    """Parameters as a reader gets them: once through JSON."""
    learner = Learner()
    learner.learn_many(*examples(n))
    table: dict[str, Any] = json.loads(json.dumps(learner.parameters(), allow_nan=False))
    return table


def test_every_example_is_predicted_before_it_is_learned() -> None:
    x, bought, z, ts = examples(250)
    learner, alone = small(), Propensity(batch=8)
    learner.learn_many(x, bought, z, ts)
    scores = []
    for row, y in zip(x, bought, strict=True):
        scores.append(float(alone.predict_many(row[None])[0]))
        alone.learn_many(row[None], [y])
    buyers, others = np.array(scores)[bought], np.array(scores)[~bought]
    pairs = [float(p > q) + (p == q) / 2 for p in buyers for q in others]
    losses = [-math.log(p if y else 1.0 - p) for p, y in zip(scores, bought, strict=True)]
    quality = learner.quality.propensity()
    assert quality["auc"] == pytest.approx(sum(pairs) / len(pairs))
    assert quality["log_loss"] == pytest.approx(sum(losses) / len(losses))
    assert quality["base_rate"] == pytest.approx(bought.mean())
    assert learner.state()["quality"]["scores"][:250].tolist() == scores


def test_quality_is_that_of_the_latest() -> None:
    """Labels made of noise for long, then of the features: the window forgets the noise."""
    x, bought, z, ts = examples(4_000)
    noise = np.random.default_rng(9).random(3_000) < 0.3
    learner = Learner(window=500)
    learner.learn_many(x[:3_000], noise, z[:3_000], ts[:3_000])
    assert abs((learner.quality.propensity()["auc"] or 0.0) - 0.5) < 0.1
    learner.learn_many(*part((x, bought, z, ts), 3_000))
    learner.learn_many(*examples(500, seed=1))
    assert (learner.quality.propensity()["auc"] or 0.0) > 0.75
    state = learner.state()["quality"]
    assert sorted(state["bought"].tolist()) == sorted(examples(500, seed=1)[1].tolist())


def test_quality_is_unknown_before_it_can_be_known() -> None:
    learner = small()
    assert learner.quality.propensity() == UNKNOWN
    x, _, z, ts = examples(50)
    learner.learn_many(x, np.zeros(50, dtype=bool), z, ts)
    quality = learner.quality.propensity()
    assert quality["auc"] is None
    assert quality["base_rate"] == 0.0
    assert json.loads(json.dumps(learner.parameters(), allow_nan=False))["propensity"]["auc"] is None


def with_gaps(block: Block, seed: int = 7) -> Block:
    """The block, with a third of the examples not for propensity."""
    x, bought, z, ts = block
    return x, np.where(np.random.default_rng(seed).random(len(x)) < 0.3, -1, bought.astype(np.int8)), z, ts


def test_what_is_not_for_propensity_is_for_the_segments() -> None:
    """Given examples without a label among others, propensity is as without them, and the segments as with labels."""
    block = with_gaps(examples(700))
    told, unaware = block[1] >= 0, examples(700)
    mixed, labelled, some = small(), small(), small()
    expected = labelled.learn_many(*unaware)
    some.learn_many(*(column[told] for column in unaware))
    assert mixed.learn_many(*block).tolist() == expected.tolist()
    assert (expected[~told][-50:] >= 0).all()
    assert frozen(mixed.state()["segments"]) == frozen(labelled.state()["segments"])
    assert frozen(mixed.state()["propensity"]) == frozen(some.state()["propensity"])
    assert mixed.quality.propensity() == some.quality.propensity()
    assert mixed.examples == some.examples == np.count_nonzero(told) < 700
    assert mixed.as_of == labelled.as_of


def test_nothing_but_examples_without_a_label() -> None:
    learner = small()
    x, _, z, ts = examples(150)
    assert (learner.learn_many(x, np.full(150, -1), z, ts)[100:] >= 0).all()
    assert learner.quality.propensity() == UNKNOWN
    assert frozen(learner.state()["propensity"]) == frozen(small().state()["propensity"])
    assert learner.as_of == ts[-1]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 150), min_size=2, max_size=10))
def test_portions_make_no_difference(portions: list[int]) -> None:
    block = with_gaps(examples(sum(portions)))
    whole, parts = small(), small()
    expected = whole.learn_many(*block)
    found, start = [], 0
    for portion in portions:
        found += parts.learn_many(*part(block, start, start + portion)).tolist()
        start += portion
    assert found == expected.tolist()
    assert frozen(parts.state()) == frozen(whole.state())
    assert parts.parameters() == whole.parameters()


def test_one_by_one_is_the_same_too() -> None:
    block = with_gaps(examples(260))
    whole, single = small(), small()
    expected = whole.learn_many(*block)
    found = [single.learn_many(*part(block, i, i + 1)).tolist()[0] for i in range(260)]
    assert found == expected.tolist()
    assert frozen(single.state()) == frozen(whole.state())


@pytest.mark.parametrize("stop", [0, 3, 8, 99, 100, 333, 501])
def test_goes_on_from_a_snapshot(stop: int) -> None:
    block = with_gaps(examples(700))
    straight, first = small(), small()
    expected = straight.learn_many(*block)
    first.learn_many(*part(block, 0, stop))
    snapshot = first.state()
    first.learn_many(*part(block, stop))  # must not reach into the snapshot
    resumed = Learner.from_state(snapshot)
    assert frozen(resumed.state()) == frozen(snapshot)
    assert resumed.learn_many(*part(block, stop)).tolist() == expected[stop:].tolist()
    assert frozen(resumed.state()) == frozen(straight.state())
    assert resumed.parameters() == straight.parameters()


def test_the_snapshot_is_plain() -> None:
    """Nothing but JSON scalars, lists of texts and arrays of numbers: no pickle needed."""

    def check(value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                assert type(name) is str
                check(inner)
        elif type(value) is np.ndarray:
            assert value.dtype in (np.float64, np.bool_)
        elif type(value) is list:
            assert all(type(text) is str for text in value)
        else:
            assert value is None or type(value) in (int, float, bool, str)

    learner = small()
    for n in (0, 50, 300):
        learner.learn_many(*examples(n))
        check(learner.state())


def test_memory_is_bounded() -> None:
    learner = small()
    sizes = set()
    for seed in range(8):
        learner.learn_many(*examples(400, seed))
        state = learner.state()
        tables = [state["quality"], state["propensity"], state["segments"]]
        sizes.add(sum(v.nbytes for table in tables for v in table.values() if isinstance(v, np.ndarray)))
    assert len(sizes) == 1


def test_the_bits_are_the_same_in_every_process() -> None:
    """River walks through sets of keys; the order of a set of texts would change with the hash seed."""
    program = (
        "from tests.models.test_learner import *\n"
        "learner = small()\n"
        "learner.learn_many(*examples(600))\n"
        "print(hashlib.sha256(frozen(learner.state()).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    learner = small()
    learner.learn_many(*examples(600))
    assert found == {hashlib.sha256(frozen(learner.state()).encode()).hexdigest() + "\n"}


@pytest.mark.parametrize("n", [0, 20, 700, 2_000])
def test_scorer_says_what_the_models_say(n: int) -> None:
    learner = Learner()
    learner.learn_many(*examples(n))
    scorer = Scorer.from_parameters(json.loads(json.dumps(learner.parameters(), allow_nan=False)))
    x, _, z, _ = examples(300, seed=5)
    assert (scorer.propensity(x) == learner.propensity.predict_many(x)).all()
    assert (scorer.segment(z) == learner.segments.predict_many(z)).all()
    assert scorer.as_of == learner.as_of
    assert (scorer.segment(z) == -1).all() == (n < 512)
    assert list(scorer.names) == [segment.name for segment in learner.segments.describe()]


def test_scorer_says_what_river_says() -> None:
    learner = Learner()
    learner.learn_many(*examples(2_000))
    scorer = Scorer.from_parameters(learner.parameters())
    x, _, z, _ = examples(300, seed=5)
    p, s = learner.propensity, learner.segments
    regression, k_means = rivers_regression(p), rivers_k_means(s.centers)
    for i in range(300):
        session = _cut(rivers_scaler(p.scaler).transform_one(dict(enumerate(x[i].tolist()))))
        assert scorer.propensity(x)[i] == pytest.approx(regression.predict_proba_one(session)[True], abs=1e-9)
        customer = _cut(rivers_scaler(s.scaler).transform_one(dict(enumerate(z[i].tolist()))))
        assert scorer.segment(z)[i] == k_means.predict_one(customer)


def _cut(deviations: dict[int, float]) -> dict[int, float]:
    return {name: min(max(value, -5.0), 5.0) for name, value in deviations.items()}


def test_scorer_takes_hostile_rows() -> None:
    scorer = Scorer.from_parameters(published())
    for value in (0.0, 1e30, -1e30, math.nan, math.inf):
        scores = scorer.propensity(np.full((2, len(PROPENSITY_FEATURES)), value))
        assert ((scores > 0.0) & (scores < 1.0)).all()
        assert scorer.segment(np.full((2, len(PROFILE_FEATURES)), value))[0] in range(8)
    with pytest.raises(ValueError, match="expected rows"):
        scorer.propensity([[1.0]])
    with pytest.raises(ValueError, match="expected rows"):
        scorer.segment([[1.0]])


def put(*path: Any) -> Callable[[Any], Any]:
    """A change to a table: the last of `path` is put where the others lead to."""

    def change(table: Any) -> Any:
        inner = table
        for name in path[:-2]:
            inner = inner[name]
        inner[path[-2]] = path[-1]
        return table

    return change


def drop(*path: Any) -> Callable[[Any], Any]:
    """A change to a table: what `path` leads to is gone."""

    def change(table: Any) -> Any:
        inner = table
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]
        return table

    return change


REQUIRED = [
    ("as_of",),
    ("propensity",),
    ("segments",),
    *(("propensity", name) for name in ("features", "weights", "intercept", "means", "scales")),
    *(("segments", name) for name in ("features", "centers", "means", "scales", "names")),
]
WRONG = [
    *(drop(*path) for path in REQUIRED),
    *(put(*path, "text") for path in REQUIRED),
    *(put(*path, {"a": 1}) for path in REQUIRED),
    *(put(*path, None) for path in REQUIRED if path != ("segments",)),
    lambda _: None,
    lambda _: [],
    lambda _: "text",
    put("propensity", "weights", 3, math.nan),
    put("propensity", "weights", 3, math.inf),
    put("propensity", "weights", 3, 1e300),
    put("propensity", "weights", 3, None),
    put("propensity", "weights", 3, "1.0"),
    put("propensity", "weights", 3, True),
    put("propensity", "weights", [1.0]),
    put("propensity", "weights", ["1.0"] * len(PROPENSITY_FEATURES)),
    put("propensity", "scales", 0, -1.0),
    put("propensity", "means", [[0.0] * len(PROPENSITY_FEATURES)]),
    put("propensity", "features", list(reversed(PROPENSITY_FEATURES))),
    put("propensity", "features", 0, "another"),
    put("segments", "centers", []),
    put("segments", "centers", 2, [1.0]),
    put("segments", "scales", 0, -1.0),
    put("segments", "names", ["too", "few"]),
    put("segments", "names", [1] * 8),
    put("segments", "features", list(PROPENSITY_FEATURES)),
    put("as_of", -(2**63)),
    put("as_of", 10**400),
]


@pytest.mark.parametrize("change", WRONG, ids=range(len(WRONG)))
def test_scorer_refuses_what_is_not_parameters(change: Callable[[Any], Any], shared: dict[str, Any]) -> None:
    Scorer.from_parameters(shared)
    with pytest.raises(ValueError, match=r"parameter|features"):
        Scorer.from_parameters(change(copy.deepcopy(shared)))


@pytest.fixture(scope="module")
def shared() -> dict[str, Any]:
    return published()


def test_an_empty_block_changes_nothing() -> None:
    learner = small()
    learner.learn_many(*examples(150))
    before = frozen(learner.state())
    assert learner.learn_many(*examples(0)).tolist() == []
    assert frozen(learner.state()) == before


@pytest.mark.parametrize("short", range(4))
def test_a_block_that_does_not_fit_changes_nothing(short: int) -> None:
    learner = small()
    learner.learn_many(*examples(150))
    before = frozen(learner.state())
    block = list(examples(10))
    block[short] = block[short][:9]
    with pytest.raises(ValueError, match="one example each"):
        learner.learn_many(*block)
    assert frozen(learner.state()) == before


def test_leaves_what_it_is_given_as_it_is() -> None:
    x, bought, z, ts = examples(300)
    x, z = x.astype(np.float64), z.astype(np.float64)
    x[::3], z[::3] = 1e30, np.nan
    kept = x.copy(), bought.copy(), z.copy(), ts.copy()
    learner = small()
    learner.learn_many(x, bought, z, ts)
    before = frozen(learner.state())
    scorer = Scorer.from_parameters(learner.parameters())
    assert len(scorer.propensity(x)) == len(scorer.segment(z)) == 300
    learner.propensity.predict_many(x)
    learner.segments.predict_many(z)
    for now, then in zip((x, bought, z, ts), kept, strict=True):
        np.testing.assert_array_equal(now, then)
    assert frozen(learner.state()) == before
    x[:], bought[:], z[:], ts[:] = 99.0, True, 99.0, 0
    assert frozen(learner.state()) == before


def test_as_of_never_goes_back() -> None:
    learner = small()
    x, bought, z, _ = examples(3)
    learner.learn_many(x, bought, z, [30, 50, 40])
    learner.learn_many(x, bought, z, [20, 10, 45])
    assert learner.as_of == learner.parameters()["as_of"] == 50


def test_refuses_models_of_other_features_and_small_windows() -> None:
    with pytest.raises(ValueError, match="another version"):
        Learner(Propensity(features=("a", "b")))
    with pytest.raises(ValueError, match="another version"):
        Learner(segments=Segments(features=("a", "b")))
    with pytest.raises(ValueError, match="window"):
        Learner(window=31)
    state = small().state()
    state["segments"]["features"] = ["a", *PROFILE_FEATURES[1:]]
    with pytest.raises(ValueError, match="another version"):
        Learner.from_state(state)


def test_what_is_published_can_be_read() -> None:
    table = published(1_500)
    assert set(table) == {"propensity", "segments", "as_of"}
    assert table["propensity"]["features"] == list(PROPENSITY_FEATURES)
    assert table["propensity"]["examples"] == table["segments"]["examples"] == 1_500
    assert table["propensity"]["auc"] > 0.7
    assert sum(table["segments"]["sizes"]) == pytest.approx(1.0)
    assert len(set(table["segments"]["names"])) == len(table["segments"]["sentences"]) == 8
    assert json.loads(json.dumps(Learner().parameters()))["segments"] is None
