"""How fast the cores are, one alone and all at once: two that a virtual machine is given may be halves of one."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import Final

_ROUNDS: Final = 5
_STEPS: Final = 50_000
#: On more cores than that it is not tried.
_MOST: Final = 16


def core_speed() -> dict[str, float]:
    """Milliseconds that the same piece of Python takes on a core while the others rest, and while all do the same.

    The first says what the interpreter and the hour are worth, the ratio of both what a second core adds.

    >>> sorted(core_speed())
    ['all_cores_ms', 'one_core_ms']
    """
    return {"one_core_ms": _milliseconds(1), "all_cores_ms": _milliseconds(min(os.cpu_count() or 1, _MOST))}


def _milliseconds(processes: int) -> float:
    """The median over so many processes at once; this file is their program."""
    command = [sys.executable, "-I", __file__]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return round(statistics.median([float(process.communicate()[0]) for process in started]), 1)


def _median() -> float:
    seconds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        _work()
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)


def _work() -> dict[int, str]:
    """Calls, objects, texts and a dict: what a Python program mostly does."""
    found = dict[int, str]()
    for number in range(_STEPS):
        pair = [number, number & 255]
        found[max(pair) % 1024] = f"{pair[1]}:{number}"
    return found


if __name__ == "__main__":
    print(_median())
