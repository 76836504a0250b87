"""A sum is rounded to one of the two `float32` around it, to each as often as it is near."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.similarity_rounding import drawn, rounded_by
from tests.models.event_streams import NOON


@settings(max_examples=300, deadline=None)
@given(exact=st.floats(2.0**-120, 2.0**120), ts=st.integers(0, 253_402_300_799_000))
def test_it_is_one_of_the_two_around(exact: float, ts: int) -> None:
    draw = drawn(ts)
    assert 0 <= int(draw) < 2**29
    found, nearest = rounded_by(draw, exact), np.float32(exact)
    below = nearest if float(nearest) <= exact else np.nextafter(nearest, np.float32(0.0))
    assert found in (below, nearest, np.nextafter(below, np.float32(np.inf)))
    assert float(rounded_by(draw, float(nearest))) == float(nearest)


@pytest.mark.parametrize("step_ms", [1, 7, 1000, 86_400_000])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.25, 0.5, 0.9])
def test_up_as_often_as_it_is_near(part: float, step_ms: int) -> None:
    """Given a part of the step from one `float32` to the next, and event times in any rhythm."""
    exact = 1.0 + part * 2.0**-23
    ups = sum(float(rounded_by(drawn(NOON + n * step_ms), exact)) > 1.0 for n in range(4000))
    assert ups / 4000 == pytest.approx(part, abs=0.01)
