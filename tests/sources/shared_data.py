"""Data that may be read beside the checkout but not committed into it."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[3] / "shared" / "data"


def shared(name: str) -> Path:
    """Path of a file of the shared data; the test is skipped where it is missing."""
    path = _SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not in {_SHARED}")
    return path
