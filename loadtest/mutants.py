"""A test of the tests: break one guarantee after the other, and see the scenario that guards it fail."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any, Final

import msgspec
from rich.console import Console

from loadtest.chaos.sabotage import MUTANTS
from loadtest.progress_bar import progress_bar

#: For each mutant the scenario that has to notice it, and how many faults that takes.
GUARDS: Final = {
    "commit-before-checkpoint": ("kill", 4),
    "no-fence": ("zombies", 1),
    "no-repair": ("redis-flush", 1),
    "no-receiver-dedupe": ("kill", 4),
    "no-hole-check": ("rolling", 1),
    "no-duplicate-check": ("duplicates", 500),
    "no-checksum": ("checkpoints", 6),
}
assert GUARDS.keys() == MUTANTS.keys()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `mutants`."""
    parser.add_argument("--only", choices=GUARDS, action="append", metavar="NAME", help="only this mutant; repeatable")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="default: 1")
    parser.add_argument("--json", action="store_true", help="print one JSON object per mutant")


def run(options: argparse.Namespace) -> int:
    """Try every mutant; status 1 if one was not noticed."""
    console = Console(highlight=False)
    mutants = options.only or list(GUARDS)
    survivors = []
    with progress_bar("mutants", len(mutants)) as show:
        for number, mutant in enumerate(mutants):
            show(number)
            report = _report(mutant, options.seed)
            if report["passed"]:
                survivors.append(mutant)
            if options.json:
                print(msgspec.json.encode(report).decode())
            else:
                said = "NOT NOTICED" if report["passed"] else "; ".join(report["complaints"]) or _counts(report)
                console.print(f"{mutant:>26}  {report['scenario']:<12} {said}", markup=False)
    return 1 if survivors else 0


def _report(mutant: str, seed: int) -> dict[str, Any]:
    scenario, amount = GUARDS[mutant]
    command = [sys.executable, "-m", "loadtest", "chaos", "--scenario", scenario, "--amount", str(amount)]
    command += ["--seed", str(seed), "--mutant", mutant, "--patience", "40", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return {"scenario": scenario, "passed": False, "complaints": [done.stderr.strip().splitlines()[-1]]}
    report: dict[str, Any] = msgspec.json.decode(lines[-1])
    return report


def _counts(report: dict[str, Any]) -> str:
    return f"lost {report['lost']}, double {report['double_counted']}"
