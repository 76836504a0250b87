"""Segments against plain Lloyd K-means, nearest centres by brute force, and customers that move."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.characters import character_names, sentence
from online_models.compiled import Floats, Int64s
from online_models.events import EVENT_TYPES
from online_models.features import (
    FEATURE_LIMIT,
    PROFILE_FEATURES,
    profile_features,
    standardise,
)
from online_models.k_means import follow, least_needed, next_center, owned, settled, spread, squares
from online_models.segments import Segments
from tests.models.oracles import rivers_k_means

WIDTH = len(PROFILE_FEATURES)


def crowds(n: int, k: int = 8, seed: int = 0) -> tuple[Floats, Int64s, Floats]:
    """Customers of `k` well-separated kinds: the customers, the kind of each, the middle of each kind."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(k, WIDTH)) * 5.0
    kind = rng.choice(k, size=n, p=rng.dirichlet(np.full(k, 8.0)))
    return middles[kind] + rng.normal(size=(n, WIDTH)), kind, middles


def frozen(state: dict[str, Any]) -> str:
    """The state as text that differs whenever a bit does."""
    return json.dumps(state, default=np.ndarray.tolist)


def inertia(points: Floats, centers: Floats) -> float:
    return float(((points[:, None] - centers[None]) ** 2).sum(axis=2).min(axis=1).sum())


def lloyd(points: Floats, k: int) -> float:
    """Inertia of the best of twenty runs of the textbook algorithm."""
    best = math.inf
    for seed in range(20):
        rng = np.random.default_rng(seed)
        centers = points[rng.choice(len(points), size=1)]
        while len(centers) < k:
            far = ((points[:, None] - centers[None]) ** 2).sum(axis=2).min(axis=1)
            centers = np.vstack([centers, points[rng.choice(len(points), p=far / far.sum())]])
        for _ in range(30):
            owner = ((points[:, None] - centers[None]) ** 2).sum(axis=2).argmin(axis=1)
            centers = np.array([points[owner == i].mean(axis=0) for i in range(k) if (owner == i).any()])
        best = min(best, inertia(points, centers))
    return best


def units(model: Segments) -> Floats:
    """The centres in the units of the features."""
    return model.means + model.centers * model.scales


@pytest.mark.parametrize("seed", range(5))
def test_as_tight_as_lloyd_on_planted_crowds(seed: int) -> None:
    customers = crowds(6_000, seed=seed)[0]
    model = Segments()
    model.learn_many(customers)
    points = standardise(customers, model.means, model.scales)
    assert inertia(points, model.centers) <= 1.1 * lloyd(points, 8)


def test_predicts_the_nearest_centre_as_river_does() -> None:
    customers = crowds(2_000)[0]
    model = Segments()
    model.learn_many(customers)
    probe = np.random.default_rng(1).normal(size=(300, WIDTH)) * 6.0
    points = standardise(probe, model.means, model.scales)
    k_means = rivers_k_means(model.centers)
    for row, point, segment in zip(probe, points, model.predict_many(probe), strict=True):
        distances = [sum((c - p) ** 2 for c, p in zip(center, point, strict=True)) for center in model.centers]
        assert segment == distances.index(min(distances))
        assert segment == k_means.predict_one(dict(enumerate(point.tolist())))
        assert segment == model.predict_one(dict(zip(PROFILE_FEATURES, row.tolist(), strict=True)))


def test_each_example_moves_the_nearest_centre_a_little() -> None:
    customers = crowds(700)[0]
    model = Segments(step=0.1)
    model.learn_many(customers)
    expected, point = model.centers, standardise(customers[:1], model.means, model.scales)[0]
    nearest = int(((expected - point) ** 2).sum(axis=1).argmin())
    expected[nearest] += 0.1 * (point - expected[nearest])
    assert model.learn_predict_many(customers[:1]).tolist() == [nearest]
    np.testing.assert_allclose(model.centers, expected, rtol=1e-12, atol=1e-12)


def test_centres_follow_as_rivers_do_to_the_bit() -> None:
    chance = np.random.default_rng(4)
    points, centers = chance.normal(size=(500, WIDTH)), chance.normal(size=(8, WIDTH))
    strange = chance.random(500) < 0.1
    river = rivers_k_means(centers, step=0.05)
    expected = [
        (river.predict_one if odd else river.learn_predict_one)(dict(enumerate(point)))
        for point, odd in zip(points.tolist(), strange.tolist(), strict=True)
    ]
    owners, distances = np.zeros(500, np.int64), np.zeros(500)
    follow(points, strange, 0.05, centers, owners, distances)
    assert owners.tolist() == expected
    assert centers.tolist() == [list(center.values()) for center in river.centers.values()]
    assert (distances > 0).all()


@pytest.mark.parametrize("n", [1, 2, 127, 128, 129, 300, 2048])
@pytest.mark.parametrize(("width", "k"), [(WIDTH, 8), (3, 2)])
def test_distances_are_what_arrays_say_to_the_bit(n: int, width: int, k: int) -> None:
    chance = np.random.default_rng([n, k])
    points, centers = chance.normal(size=(n, width)), chance.normal(size=(k, width))
    points[::5] = centers[0]  # some are equally close to two
    centers[1] = centers[0]
    expected = np.zeros((k, n))
    for column in range(width):
        expected += (points[:, column] - centers[:, column, None]) ** 2
    assert (squares(points, centers) == expected).all()
    owners, least = owned(points, centers)
    assert (owners == expected.argmin(axis=0)).all()
    assert (least == expected.min(axis=0)).all()
    assert spread(points, centers) == expected.min(axis=0).sum()
    others = [np.delete(expected, i, axis=0).min(axis=0) for i in range(k)]
    found = least_needed(points, centers)
    assert found.number == np.argmin([without.sum() for without in others])
    assert (found.without == others[found.number]).all()
    assert (found.least == least).all()


def test_centres_settle_as_with_arrays_to_the_bit() -> None:
    chance = np.random.default_rng(5)
    points, centers = chance.normal(size=(900, WIDTH)), chance.normal(size=(8, WIDTH))
    centers[7] = 99.0  # nobody is near
    expected = centers.copy()
    for _ in range(3):
        owner = squares(points, expected).argmin(axis=0)
        count = np.bincount(owner, minlength=8)
        total = np.column_stack([np.bincount(owner, column, 8) for column in points.T])
        expected[count > 0] = total[count > 0] / count[count > 0, None]
    assert (settled(points, centers) == expected).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=2, max_size=8))
def test_portions_make_no_difference(portions: list[int]) -> None:
    customers = crowds(sum(portions))[0].astype(np.float32)
    whole, parts = Segments(block=100), Segments(block=100)
    expected = whole.learn_predict_many(customers)
    found, start = [], 0
    for portion in portions:
        found += parts.learn_predict_many(customers[start : start + portion]).tolist()
        start += portion
    assert found == expected.tolist()
    assert frozen(parts.state()) == frozen(whole.state())


def test_one_is_a_row_of_many() -> None:
    customers = crowds(250)[0]
    one, many = Segments(block=100), Segments(block=100)
    many.learn_many(customers)
    for row in customers.tolist():
        one.learn_one(dict(zip(PROFILE_FEATURES, row, strict=True)))
    assert frozen(one.state()) == frozen(many.state())


def test_numbers_stay_with_the_crowd_that_moves() -> None:
    """Every kind of customer walks off by 20 standard deviations, slowly; none changes its number."""
    n, k = 40_000, 5
    rng = np.random.default_rng(3)
    middles = rng.normal(size=(k, WIDTH)) * 5.0
    kind = rng.choice(k, size=n)
    walk = rng.normal(size=(k, WIDTH)) * 20.0 / math.sqrt(WIDTH)
    customers = middles[kind] + walk[kind] * np.linspace(0.0, 1.0, n)[:, None] + rng.normal(size=(n, WIDTH))
    model = Segments(n_segments=k)
    segments = model.learn_predict_many(customers)
    for crowd in range(k):
        numbers = segments[512:][kind[512:] == crowd]
        usual = np.bincount(numbers).argmax()
        assert (numbers == usual).mean() > 0.995
        assert np.abs(units(model)[usual] - middles[crowd] - walk[crowd]).max() < 1.0


@pytest.mark.parametrize("blocks", [2, 3, 4, 5, 6, 11])
def test_after_each_block_the_centres_settle_among_the_customers_of_the_window(blocks: int) -> None:
    """Three rounds of Lloyd by hand, from where the centres were in the units of the features, on the new scale."""
    customers = np.random.default_rng(blocks).normal(size=(100 * blocks, WIDTH))
    customers[-60:, 0] *= 3.0
    model = Segments(block=100, window=4, gain=1.0, swap_gain=1.0, step=1e-9)
    model.learn_many(customers[:-1])
    mean, scale = customers.mean(axis=0), customers.std(axis=0)
    points = np.clip((customers[-400:] - mean) / scale, -5.0, 5.0)
    expected = (units(model) - mean) / scale
    if blocks > 4:
        spread = ((points[:, None] - expected[None]) ** 2).sum(axis=2).min(axis=1)
        points = points[spread <= 9.0 * spread.mean()]
    for _ in range(3):
        owner = ((points[:, None] - expected[None]) ** 2).sum(axis=2).argmin(axis=1)
        expected = np.array([points[owner == i].mean(axis=0) for i in range(8)])
    model.learn_many(customers[-1:])
    np.testing.assert_allclose(model.centers, expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_change_of_scale_moves_no_segment(seed: int) -> None:
    """Strangers double the scale of a feature; at the end of the block every segment is still where it was."""
    customers, _, middles = crowds(4_608, seed=seed)
    customers[4_100:4_600:12, 0] = 100.0
    model = Segments(gain=1.0, swap_gain=1.0)
    model.learn_many(customers[:-1])
    before, scale, numbers = units(model), model.scales[0], model.predict_many(middles)
    model.learn_many(customers[-1:])
    assert model.scales[0] > 1.5 * scale
    assert np.abs(units(model) - before).max() < 0.5  # half of the standard deviation within a crowd
    assert (model.predict_many(middles) == numbers).all()


@pytest.mark.parametrize("seed", range(8))
def test_a_lost_number_goes_to_new_customers(seed: int) -> None:
    """One kind of customer stays away and another comes: it gets a number, and no other number changes hands."""
    customers, kind, middles = crowds(4_096, k=6, seed=seed)
    model = Segments(n_segments=6)
    model.learn_many(customers)
    numbers = model.predict_many(middles).tolist()
    assert sorted(numbers) == list(range(6))
    stranger = middles.mean(axis=0) + 12.0
    gone = kind == 5
    customers[gone] += stranger - middles[5]
    model.learn_many(customers)
    assert model.predict_many(middles[:5]).tolist() == numbers[:5]
    assert model.predict_many(stranger[None]).tolist() == [numbers[5]]
    assert all(segment.share > 0.01 for segment in model.describe())


@pytest.mark.parametrize("blocks", [1, 3, 4])
def test_a_young_shop_gives_up_no_segment_after_one_block_without_its_customers(blocks: int) -> None:
    """Nobody of the third kind comes for a block: later on its number goes to others, early on it waits."""
    customers, _, middles = crowds(512 * blocks, k=3)
    model = Segments(n_segments=3, gain=0.02)
    model.learn_many(customers)
    numbers = model.predict_many(middles).tolist()
    assert sorted(numbers) == [0, 1, 2]
    model.learn_many(middles[np.arange(512) % 2] + np.random.default_rng(1).normal(size=(512, WIDTH)))
    place = np.abs(units(model)[numbers[2]] - middles[2]).max()
    assert place < 0.5 if blocks < 4 else place > 1.0


def test_strangers_move_nothing() -> None:
    """Neither do they within a block, however many: there is no dragging a segment away from its customers."""
    customers = crowds(1_024)[0]
    model = Segments()
    model.learn_many(customers)
    before = model.centers
    segments = model.learn_predict_many(np.full((400, WIDTH), 60.0))
    assert set(segments.tolist()) <= set(range(8))
    assert (model.centers == before).all()


def test_centres_that_started_on_one_spot_part() -> None:
    customers = crowds(4_096, k=4)[0]
    customers[:512] = 1.0
    model = Segments(n_segments=4)
    model.learn_many(customers)
    points = standardise(customers[-1_000:], model.means, model.scales)
    assert inertia(points, model.centers) <= 1.1 * lloyd(points, 4)


def test_an_unlucky_start_is_mended() -> None:
    """A centre between two crowds and two in another, in a shop that is no longer young: swaps make it tight again."""
    ratios: dict[float, list[float]] = {0.01: [], 1.0: []}
    for seed in range(2):
        customers, _, middles = crowds(6_144, seed=seed)
        for swap_gain, found in ratios.items():
            model = Segments(gain=1.0, swap_gain=swap_gain)
            model.learn_many(customers[:3_072])
            centers = standardise(middles, model.means, model.scales)
            centers[0], centers[1] = (centers[0] + centers[1]) / 2.0, centers[2] + 0.1
            model._place(centers)
            model.learn_many(customers[3_072:])
            points = standardise(customers, model.means, model.scales)
            found.append(inertia(points, model.centers) / lloyd(points, 8))
    assert max(ratios[0.01]) <= 1.1
    assert max(ratios[1.0]) > 1.3


class SlowSwaps(Segments):
    """Measures everything again for each try, in the obvious way."""

    swaps = 0

    def _swap(self, recent: Floats, rng: np.random.Generator) -> None:
        for _ in range(2):
            now = squares(recent, self.centers)
            without = [np.delete(now, i, axis=0).min(axis=0) for i in range(len(now))]
            lost = int(np.argmin([some.sum() for some in without]))
            moved = self.centers
            moved[lost], _ = next_center(recent, without[lost], rng)
            after = settled(recent, moved)
            last = recent[-self.block :]
            if all(spread(some, after) < 0.99 * spread(some, self.centers) for some in (recent, last)):
                self._give(lost, moved[lost])
                self._place(after)
                self.swaps += 1


def test_both_tries_to_swap_begin_with_the_centres_as_they_are() -> None:
    """More crowds than segments, and centres that jump: often both tries between two blocks succeed."""
    customers = crowds(6_000, k=32, seed=2)[0]
    parameters: dict[str, Any] = {"n_segments": 16, "block": 160, "window": 2, "step": 0.5, "gain": 1.0}
    slow, model = SlowSwaps(**parameters), Segments(**parameters)
    slow.learn_many(customers)
    model.learn_many(customers)
    assert frozen(model.state()) == frozen(slow.state())
    assert slow.swaps >= 10


def test_a_steady_shop_loses_no_number() -> None:
    customers = crowds(20_000, k=12, seed=4)[0]
    free, fixed = Segments(), Segments(gain=1.0, swap_gain=1.0)
    free.learn_many(customers)
    fixed.learn_many(customers)
    assert (free.centers == fixed.centers).all()


@pytest.mark.parametrize("stop", [0, 37, 99, 100, 101, 200, 350, 400, 401])
def test_goes_on_from_a_snapshot(stop: int) -> None:
    customers = crowds(500)[0]
    straight, first = Segments(block=100, seed=5), Segments(block=100, seed=5)
    expected = straight.learn_predict_many(customers)
    first.learn_many(customers[:stop])
    snapshot = first.state()
    first.learn_many(customers[stop:])  # must not reach into the snapshot
    resumed = Segments.from_state(snapshot)
    assert frozen(resumed.state()) == frozen(snapshot)
    assert resumed.learn_predict_many(customers[stop:]).tolist() == expected[stop:].tolist()
    assert frozen(resumed.state()) == frozen(straight.state())
    assert resumed.describe() == straight.describe()


def test_says_nothing_during_warm_up() -> None:
    model = Segments()
    assert (model.learn_predict_many(crowds(511)[0]) == -1).all()
    assert model.predict_one(dict.fromkeys(PROFILE_FEATURES, 0.0)) is None
    assert model.predict_many(np.zeros((2, WIDTH))).tolist() == [-1, -1]
    assert model.describe() == []
    assert model.learn_predict_many(np.zeros((2, WIDTH)))[0] == -1
    assert model.predict_one(dict.fromkeys(PROFILE_FEATURES, 0.0)) in range(8)
    assert model.learn_predict_many(np.empty((0, WIDTH))).tolist() == []


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30, math.nan, -math.inf])
def test_hostile_customers_stay_out(value: float) -> None:
    customers = crowds(3_000)[0]
    customers[::5] = value
    model = Segments()
    model.learn_many(customers)
    state = model.state()
    for name in ("means", "variances", "centers", "sizes", "window_rows"):
        assert np.isfinite(state[name]).all(), name
    assert set(model.predict_many(customers).tolist()) <= set(range(8))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30])
def test_customers_who_are_all_alike_are_one_segment(value: float) -> None:
    model = Segments()
    segments = model.learn_predict_many(np.full((2_000, WIDTH), value))
    assert set(segments[512:].tolist()) == {0}
    shares = [segment.share for segment in model.describe()]
    assert shares == [1.0] + [0.0] * 7


def test_keeps_no_hold_of_what_it_is_given() -> None:
    customers = crowds(600)[0]
    model = Segments()
    model.learn_many(customers)
    before = frozen(model.state())
    customers[:] = 99.0
    model.centers[:] = 99.0
    model.predict_many(customers)
    model.describe()
    assert frozen(model.state()) == before


def test_refuses_the_wrong_shape_and_senseless_parameters() -> None:
    with pytest.raises(ValueError, match="expected rows"):
        Segments().learn_many([[1.0, 2.0]])
    with pytest.raises(ValueError, match="at least 2"):
        Segments(n_segments=1)
    with pytest.raises(ValueError, match="10 examples"):
        Segments(block=79)
    with pytest.raises(ValueError, match="and a block"):
        Segments(window=0)


def profile(counts: list[int], sessions: int, items: int, spend: float, hours: float) -> list[float]:
    out = np.full(WIDTH, np.nan, dtype=np.float32)
    profile_features(out, np.array(counts, dtype=np.int32), sessions, items, spend, hours)
    return [float(value) for value in out]


#: impression, view, click, wishlist, cart, removal, purchase; sessions, items, spend, hours
KINDS: dict[str, tuple[list[int], int, int, float, float]] = {
    "Big spenders": ([0, 30, 5, 0, 3, 0, 2], 2, 30, 9_000.0, 30.0),
    "Loyal buyers": ([0, 90, 20, 0, 15, 1, 15], 20, 80, 300.0, 3_000.0),
    "Cart builders": ([0, 12, 2, 0, 14, 3, 0], 3, 24, 0.0, 70.0),
    "Wish listers": ([0, 12, 2, 12, 0, 0, 0], 3, 20, 0.0, 70.0),
    "One-look visitors": ([9, 1, 0, 0, 0, 0, 0], 1, 1, 0.0, 0.0),
    "Window shoppers": ([0, 60, 9, 0, 0, 0, 0], 2, 40, 0.0, 30.0),
}


def test_planted_characters_get_their_names() -> None:
    rng = np.random.default_rng(0)
    middles = np.array([profile(*kind) for kind in KINDS.values()])
    customers = middles[rng.choice(len(KINDS), size=4_000)] + rng.normal(size=(4_000, WIDTH)) * 0.05
    model = Segments(n_segments=len(KINDS))
    model.learn_many(customers)
    told = model.describe()
    for name, segment, middle in zip(KINDS, model.predict_many(middles).tolist(), middles, strict=True):
        assert told[segment].name == name
        np.testing.assert_allclose(list(told[segment].centroid.values()), middle, atol=0.1)
        assert told[segment].number == segment
        assert told[segment].share == pytest.approx(1 / 6, abs=0.04)
    assert sum(segment.share for segment in told) == pytest.approx(1.0)
    assert "spend more" in told[int(model.predict_many(middles[:1])[0])].sentence


def test_the_average_customer_is_a_recent_one() -> None:
    """Everybody has bought something by now, so nobody is told to buy more often than the average."""
    customers = crowds(30_000, k=2)[0] * 0.01
    customers[:, PROFILE_FEATURES.index("log_purchases")] += np.linspace(0.0, 50.0, 30_000)
    model = Segments(n_segments=2)
    model.learn_many(customers)
    assert all("buy" not in segment.sentence for segment in model.describe())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.floats(-5, 5), min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=20))
def test_names_are_unique(table: list[list[float]]) -> None:
    names = character_names([dict(zip(PROFILE_FEATURES, row, strict=True)) for row in table])
    assert len(set(names)) == len(table)
    assert all(names)


@pytest.mark.parametrize("feature", PROFILE_FEATURES)
def test_every_feature_has_its_words(feature: str) -> None:
    more, less = sentence({feature: 1.0}), sentence({feature: -1.0})
    assert more != less
    assert feature not in more + less
    assert sentence({feature: 0.0}).startswith("They are close")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=len(EVENT_TYPES), max_size=len(EVENT_TYPES)),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_profiles_are_finite(counts: list[int], sessions: int, items: int, spend: float, hours: float) -> None:
    assert all(abs(value) <= FEATURE_LIMIT for value in profile(counts, sessions, items, spend, hours))


def test_profiles_say_what_they_say() -> None:
    found = profile([100, 6, 2, 1, 2, 0, 1], 3, 9, 99.0, 11.0)
    expected = [math.log(4), math.log(5), 9 / 12, 2 / 12, 1 / 12, math.log(2), math.log(100), math.log(12)]
    assert found == pytest.approx(expected, abs=1e-6)
