"""The bundled real day, recomputed from nothing: who did what, and which items were in one session."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from online_models.events import Event
from online_models.folded import Folded
from online_models.increments import ACTION
from online_models.shoppers import Shoppers
from online_models.similarity import ItemSimilarity
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from streams.sources import bundled, read_rees46
from tests.models.canonical import named_increments, shoppers_state, similarity_state
from tests.models.event_streams import GAP
from tests.models.oracles import similar_items, trending_shares

BATCH = 1000


class Day:
    """The bundled events, and the models that learned them batch by batch."""

    def __init__(self) -> None:
        self.events: list[Event] = list(read_rees46(bundled("rees46")))
        self.shoppers = Shoppers(Vocabulary())
        self.similarity = ItemSimilarity(self.shoppers.items)
        self.trending = Trending(self.shoppers.items)
        self.folded: list[Folded] = []
        for start in range(0, len(self.events), BATCH):
            self.folded.append(self.shoppers.fold(self.events[start : start + BATCH]))
            told = self.folded[-1].increments
            self.similarity.learn_many(told)
            self.trending.learn_many(*told.actions())


@pytest.fixture(scope="module")
def day() -> Day:
    return Day()


def sessions(events: list[Event]) -> list[list[Event]]:
    """The events of each session; the file is in the order of time, so a pause is all that ends one."""
    by_user: defaultdict[str, list[list[Event]]] = defaultdict(list)
    for event in events:
        mine = by_user[event.user_id]
        if not mine or event.ts - mine[-1][-1].ts > GAP:
            mine.append([])
        mine[-1].append(event)
    return [session for mine in by_user.values() for session in mine]


def test_counters_and_spend_of_every_shopper(day: Day) -> None:
    counts = Counter((event.user_id, event.type) for event in day.events)
    began = Counter(session[0].user_id for session in sessions(day.events))
    spend: defaultdict[str, float] = defaultdict(float)
    for event in day.events:
        spend[event.user_id] += event.price * event.quantity if event.type == "purchase" else 0.0
    assert len(day.shoppers) == len(spend) == 4_505
    for user, spent in spend.items():
        profile = day.shoppers.profile_one(user)
        assert profile["spend"] == spent
        assert profile["sessions"] == began[user]
        assert {kind: profile[kind] for kind in ("view", "add_to_cart", "purchase")} == {
            kind: counts[user, kind] for kind in ("view", "add_to_cart", "purchase")
        }


def test_support_of_every_neighbour_given_out(day: Day) -> None:
    together: Counter[tuple[str, str]] = Counter()
    for session in sessions(day.events):
        items = {event.item_id for event in session}
        together.update((a, b) for a in items for b in items if a != b)
    given_out = 0
    for item in day.shoppers.items.names:
        for neighbour, _, support in day.similarity.predict_one(item):
            assert support == together[item, neighbour] > 0
            given_out += 1
    assert given_out > 20_000


def test_scores_of_every_neighbour_given_out(day: Day) -> None:
    increments = [told for folded in day.folded for told in named_increments(folded, day.shoppers.items)]
    expected = similar_items(increments)
    for item in day.shoppers.items.names:
        for neighbour, score, _ in day.similarity.predict_one(item):
            exact = expected[item][neighbour]
            assert score == pytest.approx(exact.score, abs=exact.tolerance)


def test_one_example_for_every_session_that_is_over(day: Day) -> None:
    """Those that the last event has left behind; the others are still open."""
    over = [session for session in sessions(day.events) if day.events[-1].ts - session[-1].ts > GAP]
    told = np.concatenate([folded.examples.bought for folded in day.folded])
    assert len(told) == len(over)
    assert np.count_nonzero(told) == sum(any(event.type == "purchase" for event in session) for session in over)
    assert np.count_nonzero(told < 0) == sum(session[0].type == "purchase" for session in over)


def test_trending_shares(day: Day) -> None:
    told = [folded.increments for folded in day.folded]
    actions = [
        (day.shoppers.items.names[row], weight, ts)
        for part in told
        for row, weight, kind, ts in zip(
            part.row.tolist(), part.weight.tolist(), part.kind.tolist(), part.ts.tolist(), strict=True
        )
        if kind == ACTION
    ]
    expected = trending_shares(actions)
    listed = day.trending.top_items()
    assert len(listed) == 50
    for code, share in listed:
        assert share == pytest.approx(expected[day.shoppers.items.names[code]], abs=0.6e-6)
    assert sorted(expected.values())[-51] <= listed[-1][1] + 1e-6


def test_the_state_is_sound(day: Day) -> None:
    shoppers_state(day.shoppers)
    similarity_state(day.similarity)
