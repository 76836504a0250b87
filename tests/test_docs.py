"""What the pages say about keys, reasons and settings is what the code says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import streams.decoding
import streams.redis_writer
from streams.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"


def _table(text: str, header: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index(header) + 2
    end = next(n for n in range(start, len(lines) + 1) if n == len(lines) or not lines[n].startswith("|"))
    return lines[start:end]


@pytest.mark.parametrize(
    ("page", "module", "header"),
    [
        ("redis.md", streams.redis_writer, "| key | type | written by | value |"),
        ("events.md", streams.decoding, "| reason | the record |"),
    ],
)
def test_the_table_of_the_page_is_the_one_beside_the_code(page: str, module: object, header: str) -> None:
    rows = _table((DOCS / page).read_text(), header)
    assert len(rows) > 5
    assert rows == _table(str(module.__doc__), header)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = [row.split("|") for row in _table((DOCS / "operating.md").read_text(), "| variable | default | meaning |")]
    documented = {row[1].strip(" `"): row[2].strip(" `") for row in rows}
    expected = {f"UPWELL_{field.name.upper()}": _shown(field.default) for field in dataclasses.fields(Settings)}
    assert documented == expected


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:g}" if isinstance(default, float) else str(default) or "none"
