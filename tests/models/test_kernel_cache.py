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


def run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM]
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


def test_what_older_sources_left_is_never_taken_and_removed(tmp_path: Path, package: Path) -> None:
    """Also what numba itself would have kept of them, which a process may have left half-written."""
    assert answer(tmp_path) == (21, 0)
    before = kernels(package)
    name = before[0].name.rsplit("-", 2)[0]
    for ending in ("nbi", "1.nbc"):
        (package / "__pycache__" / f"{name}.{ending}").write_bytes(b"stale")
    rates = package / "rates.py"
    rates.write_text("RATE = 3\n", encoding="utf-8")
    assert answer(tmp_path) == (31, 0)
    assert answer(tmp_path) == (31, 1)
    assert len(kernels(package)) == len(before)
    assert not set(kernels(package)) & set(before)


def test_where_nothing_can_be_kept_it_says_so_and_computes_nevertheless(tmp_path: Path, package: Path) -> None:
    done = run(tmp_path, NUMBA_CACHE_LOCATOR_CLASSES="_IPythonCacheLocator")
    assert done.stdout.split() == ["21", "0"]
    assert "NUMBA_CACHE_DIR" in done.stderr
    assert done.stderr.count("UserWarning") == 1
