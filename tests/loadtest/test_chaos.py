"""Short, seeded versions of the fault scenarios; `make chaos` runs them at length, `make mutants` tests the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

#: Killed workers with one topic and with two; `--scenario medley` lets every fault take a turn, and takes minutes.
RUNS = [("kill", 2, 5), ("kill-two-topics", 1, 3)]


@pytest.mark.parametrize(("scenario", "amount", "seed"), RUNS)
def test_nothing_is_lost_and_nothing_counts_twice(scenario: str, amount: int, seed: int) -> None:
    command = ["chaos", "--scenario", scenario, "--amount", str(amount), "--seed", str(seed), "--rate", "300", "--json"]
    done = subprocess.run([sys.executable, "-m", "loadtest", *command], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["complaints"] == []
    assert (report["lost"], report["double_counted"], report["redis_equal"]) == (0, 0, True)
    assert report["state_equal"] is (None if scenario == "kill-two-topics" else True)
    assert report["kills"] > 0
    assert report["passed"]
    assert done.returncode == 0
