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


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package `shop`."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, program: str = PROGRAM, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    path = {"PYTHONPATH": f"{folder}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=path | variables, cwd=folder, capture_output=True, text=True, check=True)


def answer(folder: Path) -> tuple[int, int]:
    """What a new process computes, and how many kernels it found on disk."""
    value, hits = run(folder).stdout.split()
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
    tmp_path: Path, package: Path, file: str, before: str, after: str, value: int
) -> None:
    assert answer(tmp_path) == (21, 0)
    assert answer(tmp_path) == (21, 1)

    changed = package / f"{file}.py"
    changed.write_text(changed.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    assert answer(tmp_path) == (value, 0)


def kernels(package: Path) -> list[Path]:
    return sorted((package / "__pycache__").glob("kernel.total*"))


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("size", [0, 40, None], ids=["empty", "cut short", "gone"])
def test_what_cannot_be_read_is_compiled_anew_and_then_kept(
    tmp_path: Path, package: Path, ending: str, size: int | None
) -> None:
    assert answer(tmp_path) == (21, 0)
    (damaged,) = (path for path in kernels(package) if path.suffix == f".{ending}")
    if size is None:
        damaged.unlink()
    else:
        damaged.write_bytes(damaged.read_bytes()[:size])
    assert answer(tmp_path) == (21, 0)
    assert answer(tmp_path) == (21, 1)


def test_machine_code_of_older_sources_is_not_taken_for_new(tmp_path: Path, package: Path) -> None:
    """As where a process was killed after it had written the new index, and before the new code."""
    assert answer(tmp_path) == (21, 0)
    (code,) = (path for path in kernels(package) if path.suffix == ".nbc")
    old = code.read_bytes()
    (package / "rates.py").write_text("RATE = 3\n", encoding="utf-8")
    assert answer(tmp_path) == (31, 0)
    code.write_bytes(old)
    assert answer(tmp_path) == (31, 0)
    assert answer(tmp_path) == (31, 1)


def test_where_there_is_no_room_it_is_computed_nevertheless(tmp_path: Path, package: Path) -> None:
    assert answer(tmp_path) == (21, 0)
    for path in kernels(package):
        path.unlink()
        path.mkdir()  # which no file can replace
    assert answer(tmp_path) == (21, 0)


def test_where_nothing_can_be_kept_it_is_known_and_computed_nevertheless(tmp_path: Path, package: Path) -> None:
    look = "; from online_models.kernel_cache import not_kept; print(not_kept[-1])"
    done = run(tmp_path, PROGRAM + look, NUMBA_CACHE_LOCATOR_CLASSES="_IPythonCacheLocator")
    assert done.stdout.split() == ["21", "0", "total"]
