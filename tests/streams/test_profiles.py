"""Profiles and keys as Redis gets them: what a plain packing in Python makes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.events import EVENT_TYPES
from online_models.shoppers import blank
from online_models.spelling import spelled
from streams.profiles import _MOST_BYTES, FIELDS, packed_profiles
from streams.quick_packing import packed, packed_texts

counts = st.integers(0, 2**31 - 1)
moments = st.integers(0, 2**52)
shopper = st.tuples(
    st.lists(st.integers(0, 300_000_000), min_size=len(EVENT_TYPES), max_size=len(EVENT_TYPES)),
    counts,
    st.floats(0, 8e9) | st.sampled_from([0.0, 0.1, 19.99, 1e-7, 123456.789012]),
    moments,
    moments,
    st.integers(-1, 200),
    st.floats(0, 1),
)


@given(st.lists(shopper, min_size=1, max_size=5), st.booleans())
@settings(deadline=None)
def test_profiles_are_packed_as_msgpack_would(shoppers: list[Any], has_model: bool) -> None:
    records = blank(len(shoppers))
    for record, (events, sessions, spend, first, last, _, _) in zip(records, shoppers, strict=True):
        record["counts"], record["sessions"], record["spend"] = events, sessions, spend
        record["first_seen"], record["last_seen"] = first, last
    segments = np.array([one[5] for one in shoppers], np.int32)
    propensity = np.array([one[6] for one in shoppers]) if has_model else None
    rows = packed_profiles(records, segments, propensity)
    text, ends = rows.text.tobytes(), rows.ends.tolist()
    for (events, sessions, spend, first, last, segment, chance), start, end in zip(
        shoppers, [0, *ends[:-1]], ends, strict=True
    ):
        profile = dict(zip(FIELDS, msgspec.msgpack.decode(text[start:end]), strict=False))
        money = profile.pop("spend")
        assert abs(float(money) - spend) <= 5e-7 + spend * 1e-15
        assert money or money is False
        if has_model:
            assert abs(float(profile.pop("propensity")) - chance) <= 5e-7
        wanted = [number or False for number in (sum(events), *events, sessions)] + [first, last]
        wanted += [segment] if has_model and segment >= 0 else []
        assert [*map(repr, profile.values())] == [*map(repr, wanted)]


def test_there_is_room_for_the_largest_profiles() -> None:
    """A list of at most 15, as msgpack has it in a byte; and what is written never leaves the array made for it."""
    records = blank(3)
    records["counts"] = records["sessions"] = 2**31 - 1
    records["first_seen"] = records["last_seen"] = 2**52
    records["spend"] = 9e15
    rows = packed_profiles(records, np.full(3, 200, np.int32), np.full(3, 0.999999))
    assert len(FIELDS) <= 15
    assert len(rows.text) <= 3 * _MOST_BYTES
    assert [len(msgspec.msgpack.decode(rows.text.tobytes()[end - rows.ends[0] : end])) for end in rows.ends] == [
        len(FIELDS)
    ] * 3


def test_money_is_written_as_people_do() -> None:
    records = blank(4)
    records["spend"] = [0.0, 39.9, 1234.5, 0.000001]
    rows = packed_profiles(records, np.zeros(4, np.int32), None)
    place = FIELDS.index("spend")
    starts = [0, *rows.ends.tolist()[:-1]]
    text = rows.text.tobytes()
    written = [msgspec.msgpack.decode(text[a:b])[place] for a, b in zip(starts, rows.ends.tolist(), strict=True)]
    assert written == [False, "39.9", "1234.5", "0.000001"]


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=9), st.text(max_size=9).map(ascii))
@settings(deadline=None)
def test_texts_are_packed_as_one_by_one(texts: list[str], before: str) -> None:
    some = packed_texts(before, spelled(texts))
    assert packed(("MGET", some, 1)) == packed(("MGET", *(before + text for text in texts), 1))


def test_what_shoppers_do_is_not_in_messages() -> None:
    assert str(packed_texts("rec:", spelled(["ada"]))) == "(1 arguments)"
