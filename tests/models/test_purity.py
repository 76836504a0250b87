"""Imports go one way, and the core touches nothing but what it is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What the core may import besides itself.
PURE = {
    "__future__", "bisect", "collections", "contextlib", "dataclasses", "functools", "heapq", "itertools", "math",
    "typing", "zlib", "msgspec", "narwhals", "llvmlite", "numba", "numpy", "river", "xxhash",
}  # fmt: skip
#: What one file may import on top: what a kernel was compiled from are the sources of the modules that are loaded.
PURE_HERE = {"kernel_cache": {"sys"}}
#: Packages in the order of layers: each may import itself and those before it.
LAYERS = ["online_models", "streams", "loadtest"]
#: Ways to the outside world, or to chance, that need no import or hide behind one that is allowed.
IMPURE = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint", "globals"}
IMPURE_ATTRIBUTES = {"numpy.fromfile", "numpy.load", "numpy.save", "numpy.savez", "numpy.loadtxt", "numpy.memmap"}
#: All of `numpy.random` that is seeded where it is made.
SEEDED = {"numpy.random.Generator", "numpy.random.default_rng"}


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """The first part of every module that is imported, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their package"
            yield (node.module or "").split(".")[0]


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", files("online_models"), ids=lambda path: path.stem)
def test_the_core_imports_only_what_is_pure(path: Path) -> None:
    assert set(imported(parsed(path))) <= {*PURE, "online_models", *PURE_HERE.get(path.stem, ())}


@pytest.mark.parametrize("layer", range(len(LAYERS)), ids=LAYERS)
def test_imports_go_one_way(layer: int) -> None:
    above = {*LAYERS[layer + 1 :], "tests"}
    for path in files(LAYERS[layer]):
        assert not above & set(imported(parsed(path))), path


@pytest.mark.parametrize("path", files("online_models"), ids=lambda path: path.stem)
def test_the_core_reads_no_files_prints_nothing_and_leaves_nothing_to_chance(path: Path) -> None:
    tree = parsed(path)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & IMPURE
    used = {ast.unparse(node).replace("np.", "numpy.", 1) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & IMPURE_ATTRIBUTES
    assert {name for name in used if name.startswith("numpy.random.")} <= SEEDED
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng"):
            assert node.args, "a generator without a seed"


def test_the_test_finds_what_it_looks_for() -> None:
    assert len(files("online_models")) > 15
    sample = "import os.path\ndef f():\n    from random import random\n"
    assert set(imported(ast.parse(sample))) == {"os", "random"}
