"""A worker that has to compile everything says what to do about it."""

from __future__ import annotations

import pytest

from streams import warm_up


@pytest.mark.parametrize(("names", "complaints"), [([], 0), (["learn", "rank"], 1)])
def test_that_kernels_cannot_be_kept_is_told_once(
    names: list[str], complaints: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warm_up, "not_kept", names)
    warm_up.warm_up()
    assert sum("NUMBA_CACHE_DIR" in message for message in caplog.messages) == complaints
