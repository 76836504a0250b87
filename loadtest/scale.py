"""Does an event cost the same in a large shop? Processor time along its sizes, each against a base.

At each point a worker first comes to know everybody and everything, and a part of the traffic: nothing of that is
measured. Then it drains a backlog of traffic, the same at all points but for who acts on what. Before and after each
point the base case, by default the middle of every axis, is measured again. All axes take a quarter of an hour a round.

Checkpoints have a price per second, not per event (`python -m loadtest checkpoint` tells it), so none are made
meanwhile unless UPWELL_CHECKPOINT_SECONDS is set.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from loadtest.clean_slate import refuse_occupied
from loadtest.curve import plot
from loadtest.machine import machine, versions
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.scale_point import UNDISTURBED
from loadtest.scale_rounds import Case, measure_rounds, places, summaries
from loadtest.shoppers import ShopperSettings
from loadtest.surroundings import surroundings
from streams.errors import SettingsError
from streams.evaluating.plotting import check_picture
from streams.settings import Settings
from streams.warm_up import warm_up

AXES: Final[dict[str, tuple[int, ...]]] = {
    "users": (10_000, 100_000, 1_000_000),
    "items": (1_000, 10_000, 50_000, 200_000),
    "partitions": (4, 16, 64),
    "item_partitions": (1, 4, 32),
}
_QUICK: Final[dict[str, tuple[int, ...]]] = {
    "users": (10_000, 100_000),
    "items": (1_000, 10_000),
    "partitions": (4, 16),
    "item_partitions": (1, 4),
}
_ALL: Final = "all"
_EVENTS, _QUICK_EVENTS = 300_000, 60_000
#: In event time, and at all points: few enough that the visits of 10,000 users do not run into one another.
_EVENTS_PER_SECOND: Final = 2.0
GOAL: Final = 0.15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `scale`."""
    parser.add_argument(
        "--axis", choices=[*AXES, _ALL], action="append", help="one axis; may be repeated (default: all)"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="of all points in turn (default: 3, quick: 1)")
    parser.add_argument("--quick", action="store_true", help="one point per axis besides the base, and fewer events")
    parser.add_argument(
        "--events", type=int, metavar="N", help=f"records at each point (default: {_EVENTS}, quick: {_QUICK_EVENTS})"
    )
    parser.add_argument("--partitions", type=int, default=16, metavar="N", help="in the base case (default: 16)")
    parser.add_argument(
        "--item-partitions", type=int, default=4, metavar="N", help="of covisits in the base case (default: 4)"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves, as .png or .svg")
    add_shop_arguments(parser, ShopperSettings(users=100_000, items=10_000))


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    if options.plot:
        check_picture(options.plot)
    events = (_QUICK_EVENTS if options.quick else _EVENTS) if options.events is None else options.events
    rounds = (1 if options.quick else 3) if options.rounds is None else options.rounds
    if min(rounds, options.partitions, options.item_partitions) < 1:
        raise SettingsError("--rounds, --partitions and --item-partitions have to be at least 1.")
    values = _QUICK if options.quick else AXES
    chosen = values if not options.axis or _ALL in options.axis else dict.fromkeys(options.axis)
    traffic = traffic_settings(options, events)
    traffic = replace(traffic, shop=replace(traffic.shop, events_per_second=_EVENTS_PER_SECOND))
    case = Case(traffic, options.partitions, options.item_partitions)
    report = measure(case, {axis: values[axis] for axis in chosen}, rounds)
    if options.plot:
        plot(report, options.plot)
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0


def measure(case: Case, axes: Mapping[str, Sequence[int]], rounds: int) -> dict[str, Any]:
    """All points on these axes, so many times."""
    before, where = machine(), places(case, axes)
    warm_up()
    with tempfile.TemporaryDirectory(prefix="upwell-scale-") as name, surroundings(Path(name)) as variables:
        settings = Settings.load(variables)
        refuse_occupied(settings)
        measured = list(measure_rounds(case, where, rounds, variables, Path(name)))
        points = summaries(case, axes, where, measured)
        return {
            "points": points,
            "base": [round(base.cpu_us_per_event, 2) for one in measured for base in one.bases],
            "spread": {axis: spread([one["ratio_to_base"] for one in points if one["axis"] == axis]) for axis in axes},
            "goal": GOAL,
            "rounds": rounds,
            "partitions": case.partitions,
            "item_partitions": case.item_partitions,
            "checkpoint_seconds": Settings.load({**UNDISTURBED, **variables}).checkpoint_seconds,
            "traffic": asdict(case.traffic),
            "machine": before,
            "versions": versions(settings),
        }


def spread(ratios: list[float]) -> float:
    """By how much the dearest point of an axis is above the cheapest.

    >>> spread([1.0, 0.8, 1.2])
    0.5
    """
    return round(max(ratios) / min(ratios) - 1, 3)


def _print(report: dict[str, Any]) -> None:
    table = Table(title=f"One worker, per event; rounds: {report['rounds']}; bytes and messages of co-visits", box=None)
    for name in ("", "µs", "to base", "lists", "bytes", "messages", "MiB"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for one in report["points"]:
        size, messages, (low, high) = one["bytes_per_event"], one["messages_per_event"], one["ratio_range"]
        table.add_row(
            f"{one['axis']} {one['value']:,}",
            f"{one['cpu_us_per_event']:.1f}",
            "base" if one["is_base"] else f"{one['ratio_to_base']:.2f} ({low:.2f}-{high:.2f})",
            f"{one['lists_per_event']:.2f}",
            f"{size['covisits']:,.0f}",
            f"{messages['covisits']:.4f}",
            f"{one['peak_mib']:,.0f}",
        )
    console = Console(highlight=False)
    console.print(table)
    for axis, found in report["spread"].items():
        mark = "ok  " if found <= report["goal"] else "OVER"
        console.print(f"{mark} {axis}: the dearest point is {100 * found:.0f} % above the cheapest")
    console.print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores; {report['versions']}", markup=False)
