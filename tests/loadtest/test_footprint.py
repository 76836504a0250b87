"""What an object holds is counted once, and under the name one would look for."""

from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from loadtest.footprint import footprint


class Columns(NamedTuple):
    """Arrays with names."""

    first: np.ndarray
    second: np.ndarray


class Slotted:
    """An object without a dict."""

    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = "x" * 10_000


class Struct(msgspec.Struct):
    """Likewise."""

    numbers: np.ndarray


class Shelf:
    """An object of ours with one of each."""

    def __init__(self) -> None:
        self.columns = Columns(np.zeros(100), np.zeros(200))
        self.view = self.columns.second[10:20].reshape(2, 5)
        self.partitions = {n: Struct(np.zeros(50)) for n in range(3)}
        self.slotted = Slotted()
        self.foreign = pytest


@pytest.fixture(autouse=True)
def _is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Columns, Slotted, Struct, Shelf):
        monkeypatch.setattr(kind, "__module__", "streams.somewhere")


def test_arrays_go_by_their_path_and_partitions_are_one_part() -> None:
    held = footprint({"shelf": Shelf()})
    assert held["shelf.columns.first"] == 800
    assert held["shelf.columns.second"] == 1600
    assert held["shelf.partitions.numbers"] == 3 * 400
    assert held["shelf.slotted.text"] > 10_000


def test_a_view_is_no_memory_of_its_own_and_what_is_shared_counts_once() -> None:
    shelf = Shelf()
    held = footprint({"one": shelf, "other": {"the": shelf}})
    assert "one.view" not in held
    assert sum(size for name, size in held.items() if name.endswith("columns.second")) == 1600


def test_what_is_not_ours_is_not_looked_into() -> None:
    assert not any(name.startswith("shelf.foreign.") for name in footprint({"shelf": Shelf()}))
