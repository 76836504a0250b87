"""Lists follow a change of taste, by event time."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from loadtest.changed_taste import ChangedTaste, changed_taste
from loadtest.forgetting import Lists, decaying_by_arrival, engine_with, look
from loadtest.shoppers import ShopperSettings
from online_models.engine import Engine
from online_models.event_time import DAY_MS

SHOP = ShopperSettings(users=300, items=400, clusters=10, events_per_second=1_000 / 86_400)


@cache
def stream() -> ChangedTaste:
    """20 days of 1,000 events, with the change after 10."""
    return changed_taste(SHOP, 20_000, every=20)


def at_the_end(engine: Engine) -> tuple[float, float]:
    """The shares of list entries in the taste as it is, over the last five days before the change and after it."""
    lists = look(engine, stream(), "")
    days = (lists.ts - stream().changed_at) / DAY_MS
    before, after = (days > -5) & (days < 0), days > 5
    return float(lists.old[before].mean()), float(lists.new[after].mean())


def test_at_the_change_items_change_clusters_and_keep_their_popularity() -> None:
    change = stream()
    assert np.mean(change.old == change.new) < 0.2
    half = len(change.events) // 2
    halves = change.events[:half], change.events[half:]
    assert halves[0][-1].ts < change.changed_at <= halves[1][0].ts
    counts = [np.bincount([int(event.item_id[1:]) for event in part], minlength=SHOP.items) for part in halves]
    pairs = [count.reshape(-1, 2).sum(axis=1) for count in counts]
    assert np.corrcoef(pairs[0], pairs[1]).min() > 0.9


def test_what_is_asked_for_is_the_next_item_of_the_same_visit() -> None:
    change = stream()
    assert len(change.asked) > 500
    undisturbed = 0
    for place, following in zip(change.asked.tolist(), change.following.tolist(), strict=True):
        event, then = change.events[place], change.events[following]
        assert (event.user_id, event.item_id != then.item_id) == (then.user_id, True)
        undisturbed += not any(
            between.user_id == event.user_id and between.item_id != event.item_id and between.type != "impression"
            for between in change.events[place:following]
        )
    assert undisturbed > 0.9 * len(change.asked)  # all but shoppers who are in two visits at once


def test_the_shorter_the_half_life_the_sooner_lists_follow() -> None:
    before, after = at_the_end(engine_with(1.0))
    assert after > 0.9 * before > 0.6
    _, without_decay = at_the_end(engine_with(math.inf))
    assert without_decay < after - 0.2


def test_decay_by_arrival_forgets_nothing_in_a_backlog() -> None:
    _, by_event_time = at_the_end(engine_with(1.0))
    _, by_arrival = at_the_end(decaying_by_arrival(1.0))
    assert by_arrival < by_event_time - 0.2


def test_the_pace_of_arrival_changes_nothing() -> None:
    def lists(one_at_a_time: bool) -> Lists:
        return look(engine_with(1.0), stream(), "", one_at_a_time=one_at_a_time)

    assert lists(True).digest == lists(False).digest
