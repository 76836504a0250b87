"""What trends, against shares computed from all actions ever."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.event_time import HOUR_MS
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from tests.models.canonical import named
from tests.models.event_streams import NOON
from tests.models.oracles import trending_shares

Action = tuple[str, float, int]


def learned(actions: list[Action], top: int = 50, half_life_hours: float = 6.0, batch: int = 1000) -> Trending:
    trending = Trending(Vocabulary(), half_life_hours, top)
    for start in range(0, len(actions), batch):
        items, weights, ts = zip(*actions[start : start + batch], strict=True)
        trending.learn_many(trending.vocabulary.codes(items), np.array(weights), np.array(ts, np.int64))
    return trending


def named_shares(trending: Trending) -> list[tuple[str, float]]:
    return [(trending.vocabulary.names[code], share) for code, share in trending.top_items()]


def assert_same_list(trending: Trending, actions: list[Action]) -> None:
    expected = trending_shares(actions, trending.half_life_hours)
    found = named_shares(trending)
    assert found == sorted(found, key=lambda entry: (-entry[1], entry[0]))
    for item, share in found:
        assert share == pytest.approx(expected[item], abs=0.6e-6)
    left_out = sorted(share for item, share in expected.items() if item not in dict(found) and share > 0.0)
    assert len(found) == min(trending.top, len(found) + len(left_out))
    assert not left_out or left_out[-1] <= found[-1][1] + 1e-6


_ACTIONS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from([0.0, 1.0, 3.0, 5.0]),
        st.integers(0, 400).map(lambda hours: NOON + hours * HOUR_MS),
    ),
    min_size=1,
    max_size=60,
).filter(lambda actions: any(weight for _, weight, _ in actions))


@settings(max_examples=150, deadline=None)
@given(_ACTIONS, st.integers(1, 9), st.integers(1, 60))
def test_any_actions_in_any_order_and_batches(actions: list[Action], top: int, batch: int) -> None:
    assert_same_list(learned(actions, top, batch=batch), actions)


@pytest.mark.parametrize("seed", range(3))
def test_the_list_is_exact_while_items_rise_and_fall(seed: int) -> None:
    """Given 200 items whose popularity wanders, after each of 60 batches the ten listed are the ten largest."""
    rng = np.random.default_rng(seed)
    actions: list[Action] = []
    trending = Trending(Vocabulary(), half_life_hours=0.5, top=10)
    for hour in range(60):
        items = rng.normal(3 * hour, 20, size=50).astype(int) % 200
        batch = [(f"item {item}", 1.0, NOON + hour * HOUR_MS + n) for n, item in enumerate(items.tolist())]
        actions += batch
        codes = trending.vocabulary.codes(item for item, _, _ in batch)
        trending.learn_many(codes, np.ones(50), np.array([ts for _, _, ts in batch]))
        assert_same_list(trending, actions)


def test_an_action_counts_half_after_a_half_life() -> None:
    trending = learned([("old", 1.0, NOON), ("new", 1.0, NOON + 6 * HOUR_MS)])
    assert named_shares(trending) == [("new", 0.666667), ("old", 0.333333)]


def test_equal_shares_are_in_the_order_of_the_ids() -> None:
    names = ["b", "a", "é", "Z", "💡", "中"]
    trending = learned([(name, 1.0, NOON) for name in names], top=4)
    assert [name for name, _ in named_shares(trending)] == sorted(names)[:4]


def test_shares_that_look_equal_are_in_the_order_of_the_ids() -> None:
    trending = learned([("b", 1.0 + 1e-9, NOON), ("a", 1.0, NOON)])
    assert trending.list.tolist() == [0, 1]
    assert named_shares(trending) == [("a", 0.5), ("b", 0.5)]


def test_weights_as_of_a_moment() -> None:
    trending = learned([("lamp", 4.0, NOON), ("bulb", 1.0, NOON + 12 * HOUR_MS)])
    weights, total = trending.weight(NOON + 12 * HOUR_MS)
    assert dict(zip(named(trending.vocabulary, trending.list), weights.tolist(), strict=True)) == {"lamp": 1, "bulb": 1}
    assert total == 2.0
    assert trending.weight(NOON + 18 * HOUR_MS)[1] == 1.0


def test_nothing_trends_before_the_first_action_or_where_actions_have_no_weight() -> None:
    trending = Trending(Vocabulary())
    assert trending.top_items() == []
    assert trending.weight(NOON)[1] == 0.0
    assert learned([("lamp", 0.0, NOON)]).top_items() == []


def test_centuries_pass_and_shares_stay() -> None:
    """Given a year between visits, which is 1460 half-lives, the share of this year's items is all there is."""
    trending = Trending(Vocabulary())
    for year in range(500):
        codes = trending.vocabulary.codes(["lamp", f"bulb {year % 7}"])
        trending.learn_many(codes, np.array([3.0, 1.0]), np.full(2, year * 365 * 24 * HOUR_MS))
        assert named_shares(trending) == [("lamp", 0.75), (f"bulb {year % 7}", 0.25)]
        assert np.isfinite(trending.weights).all()


def test_what_has_faded_to_nothing_is_nothing_whatever_the_batches() -> None:
    """Given a quiet time of 1,073 half-lives, no digits are left that tell old weights from each other."""
    hour, rows = 3_600_000, []
    for item, after in ((2, 0), (0, 1), (1, 1), (3, 1073 * 6)):
        rows.append((item, 1_700_000_000_000 + after * hour))
    lists = []
    for bounds in ([0, 4], [0, 3, 4]):
        items = Vocabulary()
        codes, trending = items.codes(["z", "y", "a", "n"]), Trending(items, top=2)
        for start, end in pairwise(bounds):
            some = rows[start:end]
            ts = np.array([when for _, when in some])
            trending.learn_many(codes[[item for item, _ in some]], np.ones(len(some)), ts)
        lists.append(items.names_of(trending.list))
    assert lists == [["n"], ["n"]]
