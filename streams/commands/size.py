"""Tell what a shop takes: workers, partitions, memory of workers and Redis, checkpoints, time to recover."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from streams.capacity import UTILISATION, Coefficients, Demand, Plan, Timing, plan
from streams.errors import SettingsError
from streams.settings import Settings

_MIB, _GIB = 1 << 20, 1 << 30
_MOST = 10**12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell size`."""
    parser.add_argument(
        "--events-per-second", type=float, required=True, metavar="N", help="clicks and purchases at the busiest hour"
    )
    parser.add_argument("--users", type=int, required=True, metavar="N", help="shoppers remembered")
    parser.add_argument("--items", type=int, required=True, metavar="N", help="items in the shop")
    parser.add_argument(
        "--coefficients",
        type=Path,
        metavar="FILE",
        help="of your machine, as `python -m loadtest coefficients --json` prints them (default: docs/capacity.md)",
    )
    parser.add_argument("--json", action="store_true", help="print {demand, plan, coefficients}")


def run(options: argparse.Namespace) -> int:
    """Calculate and print."""
    demand = Demand(options.events_per_second, options.users, options.items)
    if not all(0 < one <= _MOST for one in (demand.events_per_second, demand.users, demand.items)):
        raise SettingsError(f"--events-per-second, --users and --items have to be more than 0, and up to {_MOST:,}.")
    settings = Settings.load()
    found = _read(options.coefficients) if options.coefficients else Coefficients()
    need = plan(demand, found, Timing(settings.session_seconds, settings.checkpoint_seconds))
    if options.json:
        print(msgspec.json.encode({"demand": demand, "plan": need, "coefficients": found}).decode())
    else:
        _print(demand, need)
    return 0


class _Printed(msgspec.Struct):
    """What the load test prints, as far as it matters here."""

    coefficients: Coefficients


def _read(path: Path) -> Coefficients:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Printed).coefficients
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(
            f"--coefficients names {path}, which cannot be used ({error}): make it with "
            "`python -m loadtest coefficients --json`."
        ) from None
    if wrong := [name for name, value in msgspec.structs.asdict(found).items() if not value >= 0]:
        raise SettingsError(f"{path} has {wrong[0]} below 0: measure again, with more events.")
    return found


def _print(demand: Demand, need: Plan) -> None:
    table = Table(
        title=f"{demand.events_per_second:,.0f} events/s, {demand.users:,} users, {demand.items:,} items",
        show_header=False,
    )
    rows = {
        "workers, one core each": f"{need.workers:,}, each {100 * need.worker_utilisation:.0f} % busy",
        "partitions of clickstream and purchases": f"{need.partitions:,}",
        "partitions of covisits": f"{need.item_partitions:,}",
        "memory of each worker": _memory(need.worker_bytes),
        "memory of Redis": _memory(need.redis_bytes),
        "checkpoints": f"{_memory(need.checkpoint_bytes)}, twice that while they are written",
        "between the agents, through Kafka": f"{need.internal_bytes_per_second / _MIB:,.1f} MiB/s",
        "fresh again after a worker was killed": f"{need.recovery_seconds:,.0f} s",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Workers are planned to be at most {100 * UTILISATION:.0f} % busy; see docs/capacity.md.")


def _memory(size: int) -> str:
    """Bytes as people say it.

    >>> _memory(1_309_000), _memory(700 << 20), _memory(5 << 30)
    ('1.2 MiB', '700 MiB', '5.00 GiB')
    """
    if size >= _GIB:
        return f"{size / _GIB:,.2f} GiB"
    return f"{size / _MIB:,.0f} MiB" if size >= 10 * _MIB else f"{size / _MIB:,.1f} MiB"
