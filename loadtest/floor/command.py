"""What is the least an event can cost, and how far is upwell from it? Each thing alone, then upwell, on one backlog."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from loadtest.clean_slate import clean_slate, refuse_occupied
from loadtest.drain import drain
from loadtest.filling import fill
from loadtest.floor.material import Material, gather, save
from loadtest.floor.parts import PARTS, SUMS
from loadtest.floor.stopwatch import Measured
from loadtest.floor.turn import take_turn
from loadtest.live_worker import live_worker
from loadtest.machine import machine, versions
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.progress_bar import progress_bar
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic
from streams.errors import EngineError, SettingsError
from streams.settings import Settings
from streams.topics import COVISITS, EXAMPLES, REJECTED

_UPWELL: Final = "upwell"
#: Workers report their counters more often than that.
_REPORTED_SECONDS: Final = 0.3

#: What was measured by name, each time.
Rounds = Mapping[str, Sequence[Measured]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `floor`."""
    parser.add_argument("--events", type=int, default=300_000, metavar="N", help="records in the backlog")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each part (default: 3)")
    add_shop_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    if options.rounds < 1:
        raise SettingsError("--rounds has to be at least 1.")
    traffic = Traffic(traffic_settings(options, options.events))
    with tempfile.TemporaryDirectory(prefix="upwell-floor-") as directory:
        report = measure(traffic, options.rounds, Path(directory))
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0


def measure(traffic: Traffic, rounds: int, directory: Path) -> dict[str, Any]:
    """Fill Kafka once; then upwell and every part of the floor in turn: A B C, A B C."""
    before, found = machine(), {name: list[Measured]() for name in (_UPWELL, *PARTS)}
    with surroundings(directory) as variables:
        settings = Settings.load(variables)
        refuse_occupied(settings)
        fill(traffic, settings)
        for number in range(1, rounds + 1):
            here = directory / f"round-{number}"
            own = {**variables, "UPWELL_CHECKPOINTS": str(here / "checkpoints")}
            drained, material = _upwell(len(traffic), {**own, "UPWELL_APPLICATION": f"floor-{number}"}, here)
            save(material, here)
            found[_UPWELL].append(drained)
            with progress_bar(f"floor, round {number}", len(PARTS)) as show:
                for done, name in enumerate(PARTS):
                    show(done)
                    application = {"UPWELL_APPLICATION": f"floor-{number}-{name}"}
                    found[name].append(take_turn(name, here, {**own, **application}))
        return {
            **figures(found),
            "rounds": rounds,
            "volume_per_event": material.volume_per_event(),
            "traffic": asdict(traffic.settings),
            "machine": before,
            "versions": versions(settings),
        }


def _upwell(records: int, variables: Mapping[str, str], directory: Path) -> tuple[Measured, Material]:
    """A worker from an empty Redis through the backlog, and what it left."""
    settings = Settings.load(variables)
    clean_slate(settings, [COVISITS, EXAMPLES, REJECTED])
    with live_worker(directory, variables) as worker, progress_bar(_UPWELL, records) as show:
        drained = drain(worker, settings, records, show)
        time.sleep(_REPORTED_SECONDS)
        material = gather(settings, records)
    if not drained.events:
        raise EngineError("upwell was done before its progress could be measured: take more --events.")
    return Measured(drained.events, drained.seconds, drained.cpu_seconds), material


def figures(found: Rounds) -> dict[str, Any]:
    """Medians and ranges; ratios are between the turns of one round."""
    microseconds = {name: [one.cpu_us_per_event for one in turns] for name, turns in found.items()}
    upwell = microseconds[_UPWELL]
    sums = {
        title: [sum(turn) for turn in zip(*(microseconds[name] for name in names), strict=True)]
        for title, names in SUMS.items()
    }
    return {
        "parts": {name: _summary(microseconds[name], found[name]) for name in found},
        "sums": {
            title: {
                "parts": list(SUMS[title]),
                "cpu_us_per_event": _spread(each),
                "upwell_times": _spread([own / floor for own, floor in zip(upwell, each, strict=True)]),
            }
            for title, each in sums.items()
        },
    }


def _summary(microseconds: Sequence[float], turns: Sequence[Measured]) -> dict[str, Any]:
    return {
        "cpu_us_per_event": _spread(microseconds),
        "events_per_second": _spread([turn.events_per_second for turn in turns], digits=0),
        "events": [turn.events for turn in turns],
    }


def _spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    found = {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
    return {name: round(value, digits) for name, value in found.items()}


def _print(report: dict[str, Any]) -> None:
    table = Table(title=f"Processor time of the process, medians of {report['rounds']} (lowest to highest)")
    for name in ("", "", "µs per event", "", "events/s"):
        table.add_column(name, justify="right" if name else "left")
    for name, one in report["parts"].items():
        title = PARTS[name].title if name in PARTS else "the worker"
        speed = f"{one['events_per_second']['median']:,.0f}"
        table.add_row(name, title, *_cells(one["cpu_us_per_event"]), speed)
    table.add_section()
    for name, one in report["sums"].items():
        table.add_row(name, " + ".join(one["parts"]), *_cells(one["cpu_us_per_event"]), "")
        table.add_row("", "upwell is so many times that", *_cells(one["upwell_times"]), "")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(f"Per event: {', '.join(f'{n:g} {name}' for name, n in report['volume_per_event'].items())}.")
    for name in ("traffic", "machine", "versions"):
        console.print(f"{name}: {report[name]}", markup=False)


def _cells(spread: Mapping[str, float]) -> tuple[str, str]:
    return f"{spread['median']:.2f}", f"({spread['lowest']:.2f} to {spread['highest']:.2f})"
