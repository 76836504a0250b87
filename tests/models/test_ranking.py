"""Ranked lists: the best first, equal scores as Python sorts the ids."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.ranking import insert, rounded
from online_models.vocabulary import Vocabulary

_ENTRIES = st.dictionaries(st.text("abé💡", max_size=3), st.sampled_from([0.0, 0.25, 0.5, 0.75]), max_size=20)


@settings(max_examples=200, deadline=None)
@given(_ENTRIES, st.integers(0, 8))
def test_inserting_one_by_one_is_sorting_and_cutting(entries: dict[str, float], top: int) -> None:
    vocabulary = Vocabulary()
    ids, scores, length = np.zeros(top, np.int32), np.zeros(top), 0
    for name, score in entries.items():
        code = vocabulary.code(name)
        at = insert(code, score, length, ids, scores, vocabulary.text, vocabulary.ends)
        length = min(length + (at >= 0), top)
        assert at == -1 or ids[at] == code
    expected = sorted(entries.items(), key=lambda entry: (-entry[1], entry[0]))[:top]
    assert [
        (vocabulary.names[code], score) for code, score in zip(ids[:length], scores[:length], strict=True)
    ] == expected


@given(st.floats(0.0, 1e6))
def test_scores_have_six_decimals(score: float) -> None:
    assert abs(rounded(score) - score) <= 0.5e-6 + math.ulp(score)
    assert float(f"{rounded(score):.6f}") == rounded(score)
    assert rounded(rounded(score)) == rounded(score)
