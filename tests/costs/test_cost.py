"""The instrument sees a loop in Python, whatever is in it, and does not see work in machine code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streams
from online_models.compiled import Int64s, compiled
from tests.costs.cost import cost_of

NUMBERS = np.arange(1_000)
BODIES = {
    "additions": "total = 0\nfor n in numbers.tolist():\n    total += n",
    "a comprehension": "total = sum([n + 1 for n in numbers.tolist()])",
    "a generator": "total = sum(n + 1 for n in numbers.tolist())",
    "methods": "total = len([n.bit_length() for n in numbers.tolist()])",
}


def as_ours(body: str) -> Callable[[Int64s], Any]:
    """A function as if it were in a file of ours."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    found: dict[str, Any] = {}
    file = Path(streams.__file__ or "").with_name("somewhere.py")
    exec(compile(f"def function(numbers):\n{lines}    return total\n", file, "exec"), found)
    function: Callable[[Int64s], Any] = found["function"]
    return function


@compiled
def machine_code(numbers: Int64s) -> int:
    total = 0
    for number in numbers:
        total += number
    return total


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_turn_of_a_loop_in_python_is_a_step(body: str) -> None:
    function = as_ours(body)
    assert cost_of(lambda: lambda: function(NUMBERS)).steps >= len(NUMBERS)


def test_machine_code_takes_no_steps_but_its_arrays_count() -> None:
    assert cost_of(lambda: lambda: machine_code(NUMBERS)).steps < 10
    assert cost_of(lambda: lambda: np.cumsum(NUMBERS) + NUMBERS).steps < 20
    assert 2 * NUMBERS.nbytes < cost_of(lambda: lambda: np.cumsum(NUMBERS) + NUMBERS).bytes < 3 * NUMBERS.nbytes


def test_objects_made_at_once_in_c_count_though_they_are_let_go() -> None:
    function = as_ours("made = list(map(str, numbers.tolist()))\nmade = None\ntotal = 0")
    cost = cost_of(lambda: lambda: function(NUMBERS))
    assert cost.steps < 10
    assert cost.objects >= len(NUMBERS)
