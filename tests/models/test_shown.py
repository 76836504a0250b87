"""Lists on show against what shoppers did next, one event at a time in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from online_models.recommendation import Recommendations
from online_models.shown import ListsOnShow, Quality

GAP = 1000
Visit = tuple[int, int, int]


def lists(items: list[list[int]], length: int) -> Recommendations:
    table = np.zeros((len(items), length), np.int32)  # what is beyond a list's length is item 0, and means nothing
    for n, row in enumerate(items):
        table[n, : len(row)] = row
    lengths = np.array([len(row) for row in items], np.int32)
    return Recommendations(table, np.zeros(table.shape), table, lengths, np.zeros(len(items), np.int8))


def score(on_show: ListsOnShow, visits: list[Visit], quality: Quality) -> None:
    shoppers, items, ts = zip(*visits, strict=True)
    on_show.score_many(np.array(shoppers, np.int32), np.array(items, np.int32), np.array(ts, np.int64), GAP, quality)


@pytest.mark.parametrize("seed", range(5))
def test_a_random_crowd(seed: int) -> None:
    rng = np.random.default_rng(seed)
    on_show, quality = ListsOnShow(length=4), Quality()
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
            if item != looked_at and ts - seen <= GAP:
                ranks.append(shown.get(user, []).index(item) + 1 if item in shown.get(user, []) else None)
            current[user] = (item, max(seen, ts))
        score(on_show, visits, quality)
        users = sorted({user for user, _, _ in visits})
        new = [rng.permutation(9)[: rng.integers(0, 5)].tolist() for _ in users]
        shown.update(zip(users, new, strict=True))
        on_show.show_many(np.array(users, np.int32), lists(new, 4))
    hits = [rank for rank in ranks if rank is not None]
    assert (quality.predictions, quality.hits) == (len(ranks), len(hits))
    assert len(hits) > 20
    assert quality.reciprocal_ranks == pytest.approx(sum(1 / rank for rank in hits))


def test_a_list_is_tested_by_what_comes_after_it() -> None:
    on_show, quality = ListsOnShow(length=2), Quality()
    score(on_show, [(0, 7, 0)], quality)
    on_show.show_many(np.array([0], np.int32), lists([[3, 5]], 2))
    assert quality == Quality()
    score(on_show, [(0, 5, 10)], quality)
    assert quality == Quality(predictions=1, hits=1, reciprocal_ranks=0.5)


@pytest.mark.parametrize(
    "visit", [(0, 7, 10), (0, 5, GAP + 1), (1, 5, 10)], ids=["the same item", "another session", "a newcomer"]
)
def test_what_is_no_test_of_a_list(visit: Visit) -> None:
    on_show, quality = ListsOnShow(length=2), Quality()
    score(on_show, [(0, 7, 0)], quality)
    on_show.show_many(np.array([0], np.int32), lists([[3, 5]], 2))
    score(on_show, [visit], quality)
    assert quality == Quality()


def test_nobody_came() -> None:
    on_show, quality = ListsOnShow(length=2), Quality()
    nobody = np.zeros(0, np.int32)
    on_show.score_many(nobody, nobody, np.zeros(0, np.int64), GAP, quality)
    on_show.show_many(nobody, lists([], 2))
    assert quality == Quality()
