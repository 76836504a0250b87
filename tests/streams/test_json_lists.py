"""Lists as JSON, byte for byte."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.ranking import rounded
from online_models.recommendation import SOURCES, Recommendations
from online_models.vocabulary import Vocabulary
from streams.json_lists import recommendation_lists, similarity_lists

names = st.lists(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.sampled_from('"\\'), min_size=1), min_size=1
)
scores = st.floats(0, 1e6) | st.sampled_from([0.0, 1e-6, 0.1, 0.25, 0.999999, 1.0, 9.999999, 10.0, 123456.7])


def decimal(score: float) -> str:
    """Four digits and six decimals at the most, without zeros at the end, but for the first."""
    exact = Decimal(f"{score:.6f}")
    last = max(exact.adjusted() - 3, -6) if exact else -6
    whole, decimals = f"{exact.quantize(Decimal(1).scaleb(last), ROUND_HALF_UP):.6f}".split(".")
    return f"{whole}.{decimals[0]}{decimals[1:].rstrip('0')}"


def quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), ids=names, as_of=st.integers(0, 2**53))
def test_similar_items(data: st.DataObject, ids: list[str], as_of: int) -> None:
    entries = data.draw(
        st.lists(st.tuples(st.sampled_from(ids), scores.map(rounded), st.integers(0, 2**31 - 1)), max_size=5)
    )
    items = Vocabulary()
    codes = np.zeros((2, 5), np.int32)
    codes[1, : len(entries)] = items.codes(name for name, _, _ in entries)
    given_scores, support = np.zeros((2, 5)), np.zeros((2, 5), np.int32)
    given_scores[1, : len(entries)] = [score for _, score, _ in entries]
    support[1, : len(entries)] = [count for _, _, count in entries]
    lists = similarity_lists((codes, given_scores, support, np.array([0, len(entries)], np.int32)), as_of, items)
    inside = ",".join(f'{{"id":{quoted(n)},"score":{decimal(s)},"support":{c}}}' for n, s, c in entries)
    assert lists.names() == [f'{{"items":[{part}],"as_of":{as_of}}}' for part in ("", inside)]


@settings(max_examples=200, deadline=None)
@given(data=st.data(), ids=names, source=st.integers(0, len(SOURCES) - 1))
def test_recommendations(data: st.DataObject, ids: list[str], source: int) -> None:
    entries = data.draw(
        st.lists(
            st.tuples(st.sampled_from(ids), scores.map(rounded), st.none() | st.sampled_from(ids)),
            min_size=1,
            max_size=5,
        )
    )
    items = Vocabulary()
    lists = Recommendations(
        items=items.codes(name for name, _, _ in entries)[None],
        scores=np.array([[score for _, score, _ in entries]]),
        because=np.array([[items.code(name) if name else -1 for _, _, name in entries]], np.int32),
        lengths=np.array([len(entries)], np.int32),
        source=np.array([source], np.int8),
    )
    inside = ",".join(
        f'{{"id":{quoted(n)},"score":{decimal(s)},"because":{quoted(b) if b else "null"}}}' for n, s, b in entries
    )
    expected = f'{{"items":[{inside}],"as_of":7,"source":"{SOURCES[source]}"}}'
    assert recommendation_lists(lists, np.array([7]), items).names() == [expected]


def test_an_id_may_be_longer_than_that_of_any_event() -> None:
    """As in a block, or in Redis, that somebody else has written."""
    ids = ['"' * 20_000, "lamp", "\\" * 5_000]
    items = Vocabulary()
    codes, numbers = items.codes(ids)[None], np.zeros((1, 3))
    inside = ",".join(f'{{"id":{quoted(name)},"score":0.0,"support":1}}' for name in ids)
    lists = similarity_lists((codes, numbers, np.ones((1, 3), np.int32), np.array([3], np.int32)), 7, items)
    assert lists.names() == [f'{{"items":[{inside}],"as_of":7}}']
    because = codes[:, ::-1].copy()
    personal = Recommendations(codes, numbers, because, np.array([3], np.int32), np.zeros(1, np.int8))
    (made,) = recommendation_lists(personal, np.array([7]), items).names()
    assert [entry["because"] for entry in json.loads(made)["items"]] == ids[::-1]
