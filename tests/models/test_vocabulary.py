"""Codes for ids, and their order as Python sorts strings."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from online_models.vocabulary import Vocabulary, comes_before

_IDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=30)


@settings(max_examples=200, deadline=None)
@given(_IDS)
@example(["", "a", "aa", "é", "e\u0301", "中", "\U0001f4a1", "\uffff", "Z", "a\x00"])
def test_ids_get_codes_in_order_of_appearance_and_sort_as_python_sorts_them(names: list[str]) -> None:
    vocabulary = Vocabulary()
    distinct = list(dict.fromkeys(names))
    assert vocabulary.codes(names).tolist() == [distinct.index(name) for name in names]
    assert vocabulary.names == distinct
    ordered = [vocabulary.code(name) for name in sorted(distinct)]
    for a, b in pairwise(ordered):
        assert comes_before(vocabulary.text, vocabulary.ends, a, b)
        assert not comes_before(vocabulary.text, vocabulary.ends, b, a)
    for a in ordered:
        assert not comes_before(vocabulary.text, vocabulary.ends, a, a)


def test_text_and_ends_hold_every_id_as_utf8() -> None:
    vocabulary = Vocabulary()
    names = [f"läm💡p {n}" * (n % 7) + str(n) for n in range(1000)]
    vocabulary.codes(names)
    starts = [0, *vocabulary.ends[:999].tolist()]
    texts = [vocabulary.text[start:end].tobytes().decode() for start, end in zip(starts, vocabulary.ends, strict=False)]
    assert texts == names


def test_asking_whether_an_id_is_known_gives_it_no_code() -> None:
    vocabulary = Vocabulary()
    assert "lamp" not in vocabulary
    assert len(vocabulary) == 0
    vocabulary.code("lamp")
    assert "lamp" in vocabulary


def test_many_ids_at_once_are_found_wherever_they_lie() -> None:
    names = [f"item-{number * number % 3001}" for number in range(5000)]
    vocabulary, number = Vocabulary(), {name: code for code, name in enumerate(dict.fromkeys(names))}
    assert vocabulary.codes(names).tolist() == [number[name] for name in names]
    asked = [f"item-{number}" for number in range(6002)] + names
    assert vocabulary.known_codes(asked).tolist() == [number.get(name, -1) for name in asked]
    assert len(vocabulary) == len(number)


def test_an_id_that_is_no_text_leaves_nothing_behind() -> None:
    vocabulary = Vocabulary()
    with pytest.raises(UnicodeEncodeError):
        vocabulary.code("\ud800")
    assert len(vocabulary) == 0
    assert vocabulary.code("lamp") == 0
