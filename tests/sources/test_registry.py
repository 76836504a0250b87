"""Formats by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from online_models.events import EVENT_CODES
from streams.errors import SettingsError
from streams.sources import SOURCES, bundled, source, to_records


def test_every_format_goes_by_its_name() -> None:
    assert set(SOURCES) == {"events", "rees46", "clothing", "taobao", "sessions"}
    assert all(source(name).name == name for name in SOURCES)


@pytest.mark.parametrize("name", ["rees46", "clothing"])
def test_records_are_the_encoded_events(name: str) -> None:
    path = bundled(name)
    events = list(source(name).read(path))
    assert {event.type for event in events} <= EVENT_CODES.keys()
    assert list(source(name).read_records(path)) == list(to_records(events))


def test_an_unknown_format_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="'xml' is not a format of events; choose one of events, rees46"):
        source("xml")


def test_data_that_is_not_bundled_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="'taobao' is bundled; choose one of rees46, clothing"):
        bundled("taobao")


def test_nothing_else_is_bundled() -> None:
    # Taobao and YOOCHOOSE data may not be passed on.
    names = {path.name for path in Path(bundled("rees46")).parent.iterdir()}
    assert names == {"ATTRIBUTION.md", "rees46-2019-10-01.csv.gz", "eshop-clothing-2008.zip"}
