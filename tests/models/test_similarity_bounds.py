"""Lists, weights and memory of the similarity stay within bounds, whatever comes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from online_models.event_time import DAY_MS
from online_models.increments import ACTION, FIRST_IN_SESSION, SEEN_AGAIN, Increments
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.similarity_rounding import drawn, rounded_by
from online_models.vocabulary import Vocabulary
from tests.models.canonical import similarity_state
from tests.models.event_streams import NOON

YEAR = 365 * DAY_MS


def hub(neighbours: int, times: int = 1) -> ItemSimilarity:
    """A lamp that met so many others; number n with weight n + 1, so that number 0 is the weakest."""
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(top=600, damping=0.0))
    similarity.learn_one("lamp", "lamp", 1000.0, ACTION, ts=NOON)
    codes = similarity.vocabulary.codes(f"bulb {n}" for n in range(neighbours))
    for _ in range(times):
        similarity.learn_many(
            Increments(
                np.zeros(neighbours, np.int32),
                codes,
                np.arange(1, neighbours + 1, dtype=np.float32),
                np.full(neighbours, FIRST_IN_SESSION, np.int8),
                np.full(neighbours, NOON),
            )
        )
    return similarity


@pytest.mark.parametrize("neighbours", [8, 9, 12, 13, 32, 33, 128, 129, 384, 385, 512])
def test_up_to_512_neighbours_are_kept_exactly(neighbours: int) -> None:
    similarity = hub(neighbours, times=2)
    found = similarity.predict_one("lamp")
    assert found == [(f"bulb {n}", round(2 * (n + 1) / 1005, 6), 2) for n in reversed(range(neighbours))]
    assert similarity.rows["length"][0] == neighbours
    similarity_state(similarity)


def test_beyond_512_the_weakest_gives_way() -> None:
    similarity = hub(512)
    similarity.learn_one("lamp", "newcomer", 1.5, FIRST_IN_SESSION, ts=NOON)
    found = similarity.predict_one("lamp")
    assert found == [
        *((f"bulb {n}", round((n + 1) / 1005, 6), 1) for n in reversed(range(1, 512))),
        ("newcomer", round(1.5 / 1005, 6), 1),
    ]
    similarity.learn_one("lamp", "bulb 0", 9.0, FIRST_IN_SESSION, ts=NOON)  # its weight of before is gone
    assert ("bulb 0", round(9 / 1005, 6), 1) in similarity.predict_one("lamp")
    assert "newcomer" not in [name for name, _, _ in similarity.predict_one("lamp")]
    assert similarity.rows["length"][0] == 512


def test_lists_given_out_are_the_best_of_all() -> None:
    similarity = hub(300)
    similarity.settings = SimilaritySettings(top=7, damping=0.0)
    assert similarity.predict_one("lamp") == [(f"bulb {n}", round((n + 1) / 1005, 6), 1) for n in range(299, 292, -1)]


def test_centuries_pass_and_ratios_stay() -> None:
    """Given the same visits every year for 30 000 half-lives, similarity is the same every year, and finite."""
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(half_life_days=7.0))
    lists = []
    for year in range(600):
        for name, weight, kind in [("lamp", 4.0, ACTION), ("bulb", 2.0, FIRST_IN_SESSION), ("sofa", 1.0, SEEN_AGAIN)]:
            similarity.learn_one("lamp", name, weight, kind, ts=year * YEAR)
        lists.append([(name, score) for name, score, _ in similarity.predict_one("lamp")])
        assert np.isfinite(similarity.weights).all()
        assert np.isfinite(similarity.received).all()
        assert np.isfinite(similarity.rows["actions"]).all()
    assert lists == [[("bulb", 0.300213), ("sofa", 0.172427)]] * 600
    assert similarity.predict_one("lamp")[0][2] == 600


def test_scaling_back_is_exact() -> None:
    """Given visits just before and after weights are scaled back, their ratio is that of the half-lives between."""
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(half_life_days=1.0, damping=0.0))
    similarity.learn_one("start", "start", 1.0, ACTION, ts=NOON)
    similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=NOON + 63 * DAY_MS)
    similarity.learn_one("lamp", "bulb", 3.0, FIRST_IN_SESSION, ts=NOON + 63 * DAY_MS)
    before = similarity.predict_one("lamp")
    similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=NOON + 65 * DAY_MS)
    assert similarity.clock[1] == NOON + 65 * DAY_MS
    assert before == [("bulb", 0.5, 1)]  # 3 to 1 + 5
    assert similarity.predict_one("lamp") == [("bulb", 0.12, 1)]  # 3/4 to 1 + 1/4 + 5


def test_after_a_gap_longer_than_numbers_reach_old_lists_are_empty_and_new_ones_right() -> None:
    similarity = hub(3)
    later = NOON + 5000 * 90 * DAY_MS
    similarity.learn_one("desk", "desk", 2.0, ACTION, ts=later)
    similarity.learn_one("desk", "bulb 1", 1.0, FIRST_IN_SESSION, ts=later)
    assert similarity.predict_one("lamp") == []
    assert similarity.predict_one("desk") == [("bulb 1", round(1 / 7, 6), 1)]


def test_an_increment_from_centuries_ago_changes_nothing_but_support() -> None:
    similarity = hub(3)
    before = [(name, score) for name, score, _ in similarity.predict_one("lamp")]
    similarity.learn_one("lamp", "bulb 1", 1e6, FIRST_IN_SESSION, ts=0)
    assert [(name, score) for name, score, _ in similarity.predict_one("lamp")] == before
    assert {name: support for name, _, support in similarity.predict_one("lamp")}["bulb 1"] == 2


def weight(similarity: ItemSimilarity) -> float:
    """What the first neighbour of the first row weighs at the landmark."""
    assert similarity.weights.dtype == np.float32
    return float(similarity.weights[similarity.rows["start"][0]])


def test_weights_are_rounded_after_every_increment_and_never_else() -> None:
    """Given gains of many digits over 300 half-lives, late ones among them, the weight is this one to the last bit."""
    rng = np.random.default_rng(4)
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(half_life_days=1.0))
    expected, landmark = np.float32(0.0), 0
    for day in np.sort(rng.integers(0, 300, 2000)) - rng.integers(0, 30, 2000) * (rng.random(2000) < 0.2):
        gain = np.float32(rng.random() * 5.0)
        similarity.learn_one("lamp", "bulb", float(gain), SEEN_AGAIN, ts=NOON + int(day) * DAY_MS)
        if landmark == 0:
            landmark = NOON + int(day) * DAY_MS
        age = (NOON + int(day) * DAY_MS - landmark) // DAY_MS
        if age >= 64:
            expected, landmark, age = np.float32(float(expected) * 2.0**-age), NOON + int(day) * DAY_MS, 0
        exact = float(expected) + float(gain) * 2.0**age
        expected = rounded_by(drawn(NOON + int(day) * DAY_MS), exact)
        assert weight(similarity) == float(expected)
    assert landmark > NOON + 200 * DAY_MS  # scaled back some times


def test_a_sum_goes_on_however_large_it_is() -> None:
    """Given meetings that are an eighth of the last digit of what there is, all of them count."""
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(half_life_days=math.inf))
    similarity.learn_one("lamp", "bulb", 2.0**26, FIRST_IN_SESSION, ts=NOON)
    codes, many = similarity.vocabulary.codes(["lamp", "bulb"]), 100_000
    ones, again = np.ones(many, np.float32), np.full(many, SEEN_AGAIN, np.int8)
    ts = NOON + 50 * np.arange(many)
    similarity.learn_many(Increments(codes[:1].repeat(many), codes[1:].repeat(many), ones, again, ts))
    assert weight(similarity) - 2.0**26 == pytest.approx(many, rel=0.01)


def test_a_weight_fades_out_and_begins_anew() -> None:
    """Given one meeting, it is exact for 126 half-lives, then 0, never too large; the next one counts in full."""
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(half_life_days=1.0, damping=0.0))
    similarity.learn_one("lamp", "bulb", 1.9, FIRST_IN_SESSION, ts=NOON)
    for day in range(1, 400):
        similarity.learn_one("sofa", "sofa", 1.0, ACTION, ts=NOON + day * DAY_MS)
        passed = (int(similarity.clock[1]) - NOON) // DAY_MS
        exact = float(np.float32(1.9)) * 2.0**-passed
        assert weight(similarity) == (exact if passed <= 126 else pytest.approx(exact, abs=2.0**-149))
    assert weight(similarity) == 0.0
    similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=NOON + 400 * DAY_MS)
    assert similarity.predict_one("lamp") == []
    similarity.learn_one("lamp", "bulb", 1.0, SEEN_AGAIN, ts=NOON + 400 * DAY_MS)
    assert similarity.predict_one("lamp") == [("bulb", round(1 / 6, 6), 1)]


def test_as_much_as_can_be_added_up_stays_finite() -> None:
    """Given an hour of the heaviest meetings right before weights are scaled back, all with a single neighbour."""
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(half_life_days=1.0, damping=0.0))
    many = 100_000
    codes = similarity.vocabulary.codes(["lamp", "bulb"])
    ts = np.full(many, NOON + 64 * DAY_MS - 1)
    similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=NOON)
    heaviest = np.full(many, 1e6, np.float32)
    similarity.learn_many(
        Increments(codes[:1].repeat(many), codes[1:].repeat(many), heaviest, np.zeros(many, np.int8), ts)
    )
    assert weight(similarity) == pytest.approx(1e6 * many * 2.0**64, rel=1e-2)
    assert weight(similarity) < 2.0**-20 * float(np.finfo(np.float32).max)


def test_support_stays_at_the_most_that_is_counted() -> None:
    similarity = hub(1, times=65_540)
    assert similarity.predict_one("lamp")[0][2] == 65_535


@pytest.mark.parametrize("years", [0, 1, 5, 26])
def test_an_item_that_only_comes_out_of_old_carts_is_no_more_similar_than_others(years: int) -> None:
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(half_life_days=30.0))
    similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=NOON - years * YEAR)
    similarity.learn_one("lamp", "bulb", 1.0, FIRST_IN_SESSION, ts=NOON)
    ((_, score, _),) = similarity.predict_one("lamp")
    assert 0.2 < score < 1.0


def test_an_item_that_was_only_taken_out_of_a_cart_is_no_neighbour() -> None:
    similarity = ItemSimilarity(Vocabulary())
    similarity.learn_one("lamp", "lamp", 1.0, ACTION, ts=NOON)
    similarity.learn_one("lamp", "bulb", 0.0, FIRST_IN_SESSION, ts=NOON)
    similarity.learn_one("lamp", "sofa", 1.0, FIRST_IN_SESSION, ts=NOON)
    assert [item for item, _, _ in similarity.predict_one("lamp")] == ["sofa"]
