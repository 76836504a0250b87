"""Codes once each, whatever was asked before."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.distinct import Distinct


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 100))))
def test_different_codes_are_there_once_and_ascend_at_every_call(calls: list[list[int]]) -> None:
    distinct = Distinct()
    for codes in calls:
        given_codes = np.array(codes, np.int32)
        found = distinct.among(given_codes, max(codes, default=0) + 1)
        assert found.tolist() == sorted(set(codes))
        assert found.dtype == np.int32
        assert given_codes.tolist() == codes
