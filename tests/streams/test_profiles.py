"""Profiles and keys as Redis gets them: what a plain packing in Python makes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.compiled import Structs
from online_models.events import EVENT_TYPES
from online_models.shoppers import blank
from online_models.spelling import Spelling, spelled
from streams.profiles import _MOST_BYTES, ALL, FIELDS, packed_profiles
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


def recorded(shoppers: list[Any]) -> Structs:
    records = blank(len(shoppers))
    for record, (events, sessions, spend, first, last, *_) in zip(records, shoppers, strict=True):
        record["counts"], record["sessions"], record["spend"] = events, sessions, spend
        record["first_seen"], record["last_seen"] = first, last
    return records


def read(profiles: Spelling) -> list[tuple[dict[str, str], dict[str, str]]]:
    """What changed and all there is, of each shopper."""
    text, ends, found = profiles.text.tobytes(), profiles.ends.tolist(), []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        both = msgspec.msgpack.decode(b"\x92" + text[start:end])  # two lists as one of two
        changed, whole = (dict(zip(some[::2], some[1::2], strict=True)) for some in both)
        found.append((changed, whole))
    return found


def wanted(one: Any, has_model: bool) -> dict[str, float]:
    """The whole profile of a shopper, in numbers."""
    events, sessions, spend, first, last, segment, chance = one
    fields = {"events": sum(events), "last_seen": last}
    fields |= {"propensity": chance} if has_model else {}
    fields |= {"segment": segment} if has_model and segment >= 0 else {}
    counted = {**dict(zip(EVENT_TYPES, events, strict=True)), "sessions": sessions}
    fields |= {name: count for name, count in counted.items() if count}
    return fields | ({"spend": spend} if spend >= 5e-7 else {}) | {"first_seen": first}


@given(st.lists(shopper, min_size=1, max_size=5), st.booleans(), st.lists(st.integers(0, ALL), min_size=5, max_size=5))
@settings(deadline=None)
def test_profiles_are_packed_as_msgpack_would(shoppers: list[Any], has_model: bool, unwritten: list[int]) -> None:
    segments = np.array([one[5] for one in shoppers], np.int32)
    propensity = np.array([one[6] for one in shoppers]) if has_model else None
    changes = np.array(unwritten[: len(shoppers)], np.uint16)
    found = read(packed_profiles(recorded(shoppers), segments, propensity, changes))
    for one, bits, (changed, whole) in zip(shoppers, changes.tolist(), found, strict=True):
        fields = wanted(one, has_model)
        assert sorted(whole) == sorted(fields)
        for name, text in whole.items():
            if name in ("spend", "propensity"):
                assert abs(float(text) - fields[name]) <= 5e-7 + fields[name] * 1e-15
            else:
                assert text == str(fields[name])
        is_whole = bits == ALL or "segment" not in whole
        names = [name for place, name in enumerate(FIELDS) if bits >> place & 1 and name in whole]
        assert changed == ({} if is_whole else {name: whole[name] for name in names})


def test_there_is_room_for_the_largest_profiles() -> None:
    """A name is a text whose length msgpack has in a byte; and what is written never leaves the array made for it."""
    records = blank(3)
    records["counts"] = records["sessions"] = 2**31 - 1
    records["first_seen"] = records["last_seen"] = 2**52
    records["spend"] = 9e15
    changes = np.full(3, ALL - 1, np.uint16)
    profiles = packed_profiles(records, np.full(3, 200, np.int32), np.full(3, 0.999999), changes)
    assert max(map(len, FIELDS)) < 32
    assert len(profiles.text) <= 3 * _MOST_BYTES
    assert [(len(changed), len(whole)) for changed, whole in read(profiles)] == [(len(FIELDS) - 1, len(FIELDS))] * 3


def test_money_is_written_as_people_do() -> None:
    records = blank(4)
    records["spend"] = [0.0, 39.9, 1234.5, 0.000001]
    profiles = read(packed_profiles(records, np.zeros(4, np.int32), None, np.full(4, ALL, np.uint16)))
    assert [whole.get("spend") for _, whole in profiles] == [None, "39.9", "1234.5", "0.000001"]


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=9), st.text(max_size=9).map(ascii))
@settings(deadline=None)
def test_texts_are_packed_as_one_by_one(texts: list[str], before: str) -> None:
    some = packed_texts(before, spelled(texts))
    assert packed(("MGET", some, 1)) == packed(("MGET", *(before + text for text in texts), 1))


def test_what_shoppers_do_is_not_in_messages() -> None:
    assert str(packed_texts("rec:", spelled(["ada"]))) == "(1 arguments)"
