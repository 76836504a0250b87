"""A kernel on disk is used for as long as nothing changes that was compiled into it, whichever file it is in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {
    "__init__": "",
    "rates": "RATE = 2\n",
    "deeper": "from shop.rates import RATE\n\ndef unrelated():\n    return RATE\n",
    "steps": """
from online_models.uncounted import uncounted
from shop import rates

FACTOR = rates.RATE * 10

@uncounted
def step(x):
    return x * FACTOR
""",
    "prices": """
from typing import NamedTuple

class Price(NamedTuple):
    amount: int

price = Price(0)
""",
    "kernel": """
from online_models.compiled import compiled
from shop.prices import price
from shop.steps import step
import shop.deeper

@compiled
def total(x, price):
    return step(x) + price.amount + 1
""",
}
PROGRAM = "from shop.kernel import price, total; print(total(1, price), sum(total.stats.cache_hits.values()))"


def answer(folder: Path) -> tuple[int, int]:
    """What a new process computes, and how many kernels it found on disk."""
    command = [sys.executable, "-c", PROGRAM]
    path = {"PYTHONPATH": f"{folder}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=path, cwd=folder, capture_output=True, text=True, check=True)
    value, hits = done.stdout.split()
    return int(value), int(hits)


@pytest.mark.parametrize(
    ("file", "before", "after", "value"),
    [
        pytest.param("steps", "x * FACTOR", "x + FACTOR", 22, id="a function of another file"),
        pytest.param("rates", "RATE = 2", "RATE = 3", 31, id="a constant of a file two imports away"),
        pytest.param("prices", "Price", "Charge", 21, id="the name of a class that it is given"),
    ],
)
def test_a_kernel_is_compiled_anew_where_something_has_changed(
    tmp_path: Path, file: str, before: str, after: str, value: int
) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    for name, text in FILES.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    assert answer(tmp_path) == (21, 0)
    assert answer(tmp_path) == (21, 1)

    changed = package / f"{file}.py"
    changed.write_text(changed.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    assert answer(tmp_path) == (value, 0)
