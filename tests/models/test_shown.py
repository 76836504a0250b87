"""Lists on show against what shoppers did next, one event at a time in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from online_models.recommendation import Recommendations
from online_models.shown import BLOCK, SPAN, ListsOnShow, Quality
from online_models.vocabulary import Vocabulary

GAP = 1000
Visit = tuple[int, int, int]


def lists(items: list[list[int]], length: int) -> Recommendations:
    table = np.zeros((len(items), length), np.int32)  # what is beyond a list's length is item 0, and means nothing
    for n, row in enumerate(items):
        table[n, : len(row)] = row
    lengths = np.array([len(row) for row in items], np.int32)
    return Recommendations(table, np.zeros(table.shape), table, lengths, np.zeros(len(items), np.int8))


def quality_of(items: int = 10) -> Quality:
    vocabulary = Vocabulary()
    vocabulary.codes(map(str, range(items)))
    return Quality(vocabulary)


def totals(quality: Quality) -> tuple[int, int, float]:
    return quality.predictions, quality.hits, quality.reciprocal_ranks


def score(on_show: ListsOnShow, visits: list[Visit], quality: Quality) -> None:
    shoppers, items, ts = zip(*visits, strict=True)
    on_show.score_many(np.array(shoppers, np.int32), np.array(items, np.int32), np.array(ts, np.int64), GAP, quality)


@pytest.mark.parametrize("seed", range(5))
def test_a_random_crowd(seed: int) -> None:
    rng = np.random.default_rng(seed)
    on_show, quality = ListsOnShow(length=4), quality_of()
    shown: dict[int, list[int]] = {}
    current: dict[int, tuple[int, int]] = {}
    ranks: list[int | None] = []
    now = 10_000
    for _ in range(40):
        visits: list[Visit] = []
        for _ in range(rng.integers(1, 30)):
            now += int(rng.exponential(30))
            visits.append(
                (int(rng.integers(0, 150)) ** 2 // 150, int(rng.integers(0, 9)), now - int(rng.integers(0, 500)))
            )
        for user, item, ts in visits:
            looked_at, seen = current.get(user, (item, ts))
            if ts - seen > GAP:
                shown.pop(user, None)
            elif item != looked_at:
                ranks.append(shown.get(user, []).index(item) + 1 if item in shown.get(user, []) else None)
            current[user] = (item, max(seen, ts))
        score(on_show, visits, quality)
        users = sorted({user for user, _, _ in visits})
        new = [rng.permutation(9)[: rng.integers(0, 5)].tolist() for _ in users]
        shown.update(zip(users, new, strict=True))
        on_show.show_many(np.array(users, np.int32), lists(new, 4), quality)
    hits = [rank for rank in ranks if rank is not None]
    assert (quality.predictions, quality.hits) == (len(ranks), len(hits))
    assert len(hits) > 20
    assert quality.reciprocal_ranks == pytest.approx(sum(1 / rank for rank in hits))
    fading = [(1 - 1 / SPAN) ** age for age in range(len(ranks) - 1, -1, -1)]
    assert quality.lately == pytest.approx(
        (
            sum(fading),
            sum(weight for weight, rank in zip(fading, ranks, strict=True) if rank),
            sum(weight / rank for weight, rank in zip(fading, ranks, strict=True) if rank),
        )
    )


def test_a_list_is_tested_by_what_comes_after_it() -> None:
    on_show, quality = ListsOnShow(length=2), quality_of()
    score(on_show, [(0, 7, 0)], quality)
    on_show.show_many(np.array([0], np.int32), lists([[3, 5]], 2), quality)
    assert totals(quality) == (0, 0, 0.0)
    score(on_show, [(0, 5, 10)], quality)
    assert totals(quality) == (1, 1, 0.5)


def test_a_list_of_an_earlier_session_is_tested_no_more() -> None:
    on_show, quality = ListsOnShow(length=2), quality_of()
    score(on_show, [(0, 7, 0)], quality)
    on_show.show_many(np.array([0], np.int32), lists([[3, 5]], 2), quality)
    score(on_show, [(0, 7, 2 * GAP), (0, 5, 2 * GAP + 1)], quality)
    assert totals(quality) == (1, 0, 0.0)


def test_only_those_who_acted_lately_have_a_row() -> None:
    """Given 5,000 shoppers one after the other, of whom some hundred act within two gaps, there are rows for those."""
    on_show, quality = ListsOnShow(length=2), quality_of()
    for first in range(0, 5_000, 50):
        crowd = np.arange(first, first + 50, dtype=np.int32)
        score(on_show, [(int(user), 1, 20 * int(user)) for user in crowd], quality)
        on_show.show_many(crowd, lists([[2]] * 50, 2), quality)
    assert len(on_show.visitors.rows) == len(on_show.visitors.shown) < 300
    score(on_show, [(user, 2, 100_000) for user in range(5_000)], quality)
    assert totals(quality) == (50, 50, 50.0)


@pytest.mark.parametrize(
    "visit", [(0, 7, 10), (0, 5, GAP + 1), (1, 5, 10)], ids=["the same item", "another session", "a newcomer"]
)
def test_what_is_no_test_of_a_list(visit: Visit) -> None:
    on_show, quality = ListsOnShow(length=2), quality_of()
    score(on_show, [(0, 7, 0)], quality)
    on_show.show_many(np.array([0], np.int32), lists([[3, 5]], 2), quality)
    score(on_show, [visit], quality)
    assert totals(quality) == (0, 0, 0.0)


def test_nobody_came() -> None:
    on_show, quality = ListsOnShow(length=2), quality_of()
    nobody = np.zeros(0, np.int32)
    on_show.score_many(nobody, nobody, np.zeros(0, np.int64), GAP, quality)
    on_show.show_many(nobody, lists([], 2), quality)
    assert totals(quality) == (0, 0, 0.0)


def test_coverage_and_popularity_share_of_a_window() -> None:
    """Given 2,000 items of which 20 are popular, lists hold one of them and three others, in windows of 2,000 lists."""
    on_show, quality, rng = ListsOnShow(length=5), quality_of(2_000), np.random.default_rng(1)
    popular = rng.choice(2_000, 20, replace=False)
    others = np.setdiff1d(np.arange(2_000), popular)[:900]
    acted = np.concatenate([np.repeat(popular, 3), others])
    score(on_show, [(0, int(item), n) for n, item in enumerate(acted)], quality)
    spread, listed = quality.spread, set[int]()
    for window in range(2):
        assert spread.popular_share is None
        listed.clear()
        for _ in range(20):
            rows = [[*rng.choice(popular, 1), *rng.choice(others, 3)] for _ in range(100)]
            listed.update(item for row in rows for item in row)
            on_show.show_many(np.arange(100, dtype=np.int32), lists(rows, 5), quality)
        assert spread.coverage == len(listed) / 2_000, window
        assert spread.popular_share == (0.25 if window else None)


def moves(hits: list[bool]) -> list[Visit]:
    """Shopper 0 moves between items 1 and 2 where there is to be a hit, and between 3 and 4 where not."""
    return [(0, (1 + n % 2) if hit else (3 + n % 2), n) for n, hit in enumerate(hits)]


@pytest.mark.parametrize(("later", "up", "down"), [(0.3, 0, 0), (0.1, 0, 1), (0.6, 1, 0)])
def test_a_drift_of_the_hit_rate_is_noticed_and_chance_is_not(later: float, up: int, down: int) -> None:
    on_show, quality, rng = ListsOnShow(length=2), quality_of(), np.random.default_rng(5)
    visits = moves([*(rng.random(10_000) < 0.3).tolist(), *(rng.random(5_000) < later).tolist()])
    score(on_show, visits[:1], quality)
    on_show.show_many(np.array([0], np.int32), lists([[1, 2]], 2), quality)
    for start in range(1, len(visits), 100):
        score(on_show, visits[start : start + 100], quality)
    assert quality.predictions == len(visits) - 1
    assert (quality.drifts_up > 0, quality.drifts_down > 0) == (bool(up), bool(down))
    if up or down:
        assert quality.drifted_at is not None
        assert 10_000 < quality.drifted_at < 10_000 + 100 * BLOCK
