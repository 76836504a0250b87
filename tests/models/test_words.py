"""Texts compared several bytes at a time are the same where their bytes are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.words import half_word, is_same, word


@given(st.binary(max_size=40), st.binary(max_size=9), st.integers(0, 9), st.data())
@settings(deadline=None)
def test_the_same_wherever_they_are(content: bytes, before: bytes, other_before: int, data: st.DataObject) -> None:
    # Given a text, and a copy with one byte changed or none
    other = bytearray(content)
    if content and data.draw(st.booleans()):
        other[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    # When they are compared in the midst of other texts
    one_text = np.frombuffer(before + content + b"a", np.uint8)
    other_text = np.frombuffer(b"?" * other_before + bytes(other) + b"b", np.uint8)
    places = np.uint64(len(before)), np.uint64(other_before), np.uint64(len(content))
    # Then what lies around them does not matter
    assert is_same(one_text, places[0], other_text, places[1], places[2]) == (content == other)


def test_words_are_little_endian() -> None:
    text = np.arange(100, 120, dtype=np.uint8)
    assert int(word(text, np.uint64(3))) == int.from_bytes(bytes(range(103, 111)), "little")
    assert int(half_word(text, np.uint64(3))) == int.from_bytes(bytes(range(103, 107)), "little")
