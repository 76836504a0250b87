"""An operator may change the half-life: what is known keeps its worth, and fades at the new pace from then on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from online_models.event_time import DAY_MS
from online_models.increments import ACTION, FIRST_IN_SESSION
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.similarity_kernels import LANDMARK, NEWEST
from online_models.similarity_state import FrozenSimilarity, restored
from online_models.vocabulary import Vocabulary


def learned(half_life_days: float) -> ItemSimilarity:
    """Bulbs went with lamps 40 days ago, vases do since."""
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(half_life_days=half_life_days, damping=0.0))
    for neighbour, day in [("bulb", 0), ("bulb", 1), ("vase", 40)]:
        similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=day * DAY_MS)
        similarity.learn_one("lamp", neighbour, 1.0, FIRST_IN_SESSION, ts=day * DAY_MS)
    return similarity


def revived(similarity: ItemSimilarity, half_life_days: float) -> ItemSimilarity:
    settings = SimilaritySettings(half_life_days=half_life_days, damping=0.0)
    return restored(FrozenSimilarity.of(similarity).state(), Vocabulary(), settings)


@pytest.mark.parametrize("new", [2.0, 300.0, math.inf])
def test_lists_are_the_same_at_the_change(new: float) -> None:
    before = learned(10.0)
    assert revived(before, new).predict_one("lamp") == before.predict_one("lamp")


def test_afterwards_the_new_half_life_counts() -> None:
    """Given weights 0.06 and 0.07 for bulbs and 1 for vases at the change, one half-life later vases count half."""
    similarity = revived(learned(10.0), 1.0)
    similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=41 * DAY_MS)
    similarity.learn_one("lamp", "desk", 1.0, FIRST_IN_SESSION, ts=41 * DAY_MS)
    bulbs = (2**-4.0 + 2**-3.9) / 2
    total = bulbs + 0.5 + 1.0 + 5.0
    found = similarity.predict_one("lamp")
    assert [(item, support) for item, _, support in found] == [("desk", 1), ("vase", 1), ("bulb", 2)]
    assert [score for _, score, _ in found] == pytest.approx([1.0 / total, 0.5 / total, bulbs / total], abs=1e-6)


def test_nothing_learned_yet() -> None:
    assert revived(ItemSimilarity(Vocabulary()), 3.0).predict_one("lamp") == []


def test_the_same_half_life_changes_no_bit() -> None:
    before = learned(10.0)
    assert revived(before, 10.0).weights[:2].tolist() == before.weights[:2].tolist()


def test_weights_of_either_precision_change_by_the_same_factor() -> None:
    """Given a factor that `float32` cannot hold, the pool's weights are off by their own rounding and no more."""
    before = learned(10.0)
    for n in range(60):
        before.learn_one("lamp", f"desk {n}", 1.0 + n / 7, FIRST_IN_SESSION, ts=43 * DAY_MS)
    after = revived(before, 7.0)
    was, now = (model.weights[model.rows["start"][0] :][:62] for model in (before, after))
    factor = 2.0 ** ((before.clock[LANDMARK] - before.clock[NEWEST]) / (10.0 * DAY_MS))
    assert now.tolist() == (was.astype(np.float64) * factor).astype(np.float32).tolist()
    assert after.rows["actions"][0] == pytest.approx(before.rows["actions"][0] * factor, rel=1e-15)
