"""Settings that cannot work are refused in a sentence, before anything is started, and nobody reads a password."""

from __future__ import annotations

import pytest

from streams.errors import SettingsError
from streams.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEEP_DAYS", "inf"),
        ("KEEP_DAYS", "0.000001"),
        ("MAX_FUTURE_SECONDS", "inf"),
        ("SESSION_GAP_MINUTES", "nan"),
        ("PARTITIONS", "0"),
        ("DAMPING", "1.5"),
        ("REDIS", "http://127.0.0.1"),
        ("REDIS", "redis://127.0.0.1:port/0"),
    ],
)
def test_what_cannot_work_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"UPWELL_{name}"):
        Settings.load({f"UPWELL_{name}": value})


def test_a_password_with_a_slash_is_not_told_to_the_log() -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.load({"UPWELL_REDIS": "redis://:se/cret@127.0.0.1:6379/0"})
    assert "se" not in str(refusal.value).replace("used", "").split()
    assert "cret" not in str(refusal.value)
