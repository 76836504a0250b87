"""Settings that cannot work are refused in a sentence, before anything is started, and nobody reads a password."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from streams.errors import SettingsError
from streams.setting_limits import NUMBERS
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
        ("REDIS", "redis://127.0.0.1:6379/abc"),
        ("REDIS", "redis://127.0.0.1:6379/0?foo=bar"),
        ("KAFKA", "http://127.0.0.1:9092"),
        ("KAFKA", ""),
        ("APPLICATION", ""),
        ("APPLICATION", "../shop"),
        ("PREFIX", "\udcff"),
        ("SESSION_SECONDS", "0.5"),
        ("SESSION_GAP_MINUTES", "1e300"),
        ("HALF_LIFE_DAYS", "1e-300"),
        ("KEEP_DAYS", "1e300"),
        ("LIST_LENGTH", "1000000000"),
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


@pytest.mark.parametrize(
    "url", ["redis://a", "redis://a:1/", "rediss://u:p@a:1/7?socket_timeout=5", "unix:///a/b?db=3"]
)
def test_urls_that_will_do(url: str) -> None:
    assert Settings(redis=url).redis == url


@pytest.mark.parametrize("kafka", ["a:9092", "10.0.0.1:9092,b-2.shop:9092", "[::1]:9092"])
def test_servers_that_will_do(kafka: str) -> None:
    assert Settings(kafka=kafka).kafka == kafka


def test_every_number_has_its_limits() -> None:
    assert set(NUMBERS) == {field.name for field in fields(Settings) if type(field.default) in (int, float)}


def test_a_number_beyond_all_numbers_in_a_file_is_refused(tmp_path: Path) -> None:
    for text in (f"keep_days = 1{'0' * 400}", f"partitions = 1{'0' * 5000}"):
        (tmp_path / "upwell.toml").write_text(text)
        with pytest.raises(SettingsError, match=r"upwell\.toml"):
            Settings.load({"UPWELL_CONFIG": str(tmp_path / "upwell.toml")})
