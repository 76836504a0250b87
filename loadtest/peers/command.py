"""The same events through upwell and through what others would build, in turn: processor time per event of each."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from loadtest.clean_slate import refuse_occupied
from loadtest.filling import fill
from loadtest.machine import machine, versions
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.peers.contenders import CONTENDERS, UPWELL, check_installed
from loadtest.peers.job import parsed
from loadtest.peers.turn import Backlog, Turn, take_turn
from loadtest.progress_bar import progress_bar
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic
from loadtest.truth import truth_of
from streams.errors import SettingsError
from streams.settings import Settings

_PACKAGES: Final = ("quixstreams", "bytewax", "confluent-kafka")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `peers`."""
    parser.add_argument("--events", type=int, default=200_000, metavar="N", help="records in the backlog")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="turns of each contender (default: 2)")
    parser.add_argument(
        "--limit", type=float, default=25.0, metavar="S", help="seconds of a turn after its start-up (default: 25)"
    )
    parser.add_argument(
        "--contenders", default=",".join(CONTENDERS), metavar="NAMES", help=f"default: {','.join(CONTENDERS)}"
    )
    add_shop_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    names = options.contenders.split(",")
    check_installed(names)
    if options.rounds < 1 or not options.limit > 0:
        raise SettingsError("--rounds has to be at least 1 and --limit more than 0.")
    traffic = Traffic(traffic_settings(options, options.events))
    with tempfile.TemporaryDirectory(prefix="upwell-peers-") as directory:
        report = measure(traffic, names, options.rounds, options.limit, Path(directory))
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0


def measure(traffic: Traffic, names: list[str], rounds: int, limit: float, directory: Path) -> dict[str, Any]:
    """Fill Kafka once and let the contenders drain it in turn: A B C, A B C."""
    before, turns = machine(), list[Turn]()
    with surroundings(directory) as variables:
        settings = Settings.load(variables)
        refuse_occupied(settings)
        fill(traffic, settings)
        writes = sum(parsed(record.value) is not None for record in traffic.records())
        backlog = Backlog(len(traffic), writes, truth_of(traffic).users)
        for round_number in range(rounds):
            for name in names:
                with progress_bar(name, len(traffic)) as show:
                    group = f"{name}-{round_number}"
                    turns.append(take_turn(name, group, backlog, variables, directory / group, limit, show))
        return {
            "contenders": {name: _summary(name, turns) for name in names},
            "turns": [asdict(turn) for turn in turns],
            "limit_seconds": limit,
            "traffic": asdict(traffic.settings),
            "machine": before,
            "versions": versions(settings) | _package_versions(),
        }


def _summary(name: str, turns: list[Turn]) -> dict[str, Any]:
    """Medians over the turns of one contender, and ratios to upwell's turn of the same round."""
    own = [turn for turn in turns if turn.contender == name]
    reference = [turn for turn in turns if turn.contender == UPWELL]
    ratios = [one.cpu_us_per_event / base.cpu_us_per_event for one, base in zip(own, reference, strict=False)]
    return {
        "cpu_us_per_event": round(statistics.median(turn.cpu_us_per_event for turn in own), 2),
        "events_per_second": round(statistics.median(turn.events_per_second for turn in own)),
        "cpu_ratio_to_upwell": round(statistics.median(ratios), 2) if ratios else None,
        "cpu_ratios": [round(ratio, 2) for ratio in ratios],
        "events": [turn.events for turn in own],
        "complete": all(turn.complete for turn in own),
        "lists": [turn.lists for turn in own],
    }


def _package_versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _print(report: dict[str, Any]) -> None:
    table = Table(title="Processor time of the contender's process, medians")
    for name in ("", "µs per event", "events/s", "ratio to upwell", "events", "whole backlog", "users with a list"):
        table.add_column(name, justify="right" if name else "left")
    for name, one in report["contenders"].items():
        ratio = one["cpu_ratio_to_upwell"]
        table.add_row(
            name,
            f"{one['cpu_us_per_event']:,.1f}",
            f"{one['events_per_second']:,}",
            "" if ratio is None else f"{ratio:,.1f}",
            f"{min(one['events']):,}",
            "yes" if one["complete"] else "no",
            f"{min(one['lists']):,}",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores; {report['versions']}", markup=False)
