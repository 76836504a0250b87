"""How much processor time and memory a process has used, as the operating system counts it."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_MIB: Final = 1 << 20


@dataclass(frozen=True)
class Usage:
    """Processor seconds since the process began (all threads, user and system), and memory in MiB.

    `peak_mib` is the most it ever held; where only `ps` can be asked (macOS) it is what it holds now.
    """

    cpu_seconds: float
    peak_mib: float


def usage(pid: int) -> Usage:
    """Ask about a running process: `/proc` where there is one, else `ps`.

    >>> usage(os.getpid()).cpu_seconds > 0, usage(os.getpid()).peak_mib > 1
    (True, True)
    """
    proc = Path(f"/proc/{pid}")
    return _from_proc(proc) if proc.exists() else _from_ps(pid)


def _from_proc(proc: Path) -> Usage:
    # The name of the program comes second, in parentheses, and may hold anything.
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    peak = re.search(r"VmHWM:\s+(\d+) kB", (proc / "status").read_text())
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / _TICKS_PER_SECOND, int(peak[1]) / 1024 if peak else 0.0)


def _from_ps(pid: int) -> Usage:
    answer = subprocess.run(["ps", "-o", "time=,rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    time, rss = answer.stdout.split()
    return Usage(seconds(time), int(rss) * 1024 / _MIB)


def seconds(time: str) -> float:
    """Seconds of a time as `ps` writes it: [[days-]hours:]minutes:seconds.

    >>> seconds("0:01.25"), seconds("1-02:03:04")
    (1.25, 93784.0)
    """
    days, _, rest = time.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = 60 * total + float(part)
    return total + 86_400 * int(days or 0)
