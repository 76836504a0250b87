"""Does an event cost the same in a large shop? Processor time along users, items and partitions, against a base."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from loadtest.clean_slate import refuse_occupied
from loadtest.curve import check_plotting, plot
from loadtest.machine import machine, versions
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.progress_bar import progress_bar
from loadtest.scale_point import Point, measure_point
from loadtest.shoppers import ShopperSettings
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic, TrafficSettings
from streams.settings import Settings
from streams.warm_up import warm_up

AXES: Final[dict[str, tuple[int, ...]]] = {
    "users": (10_000, 100_000, 1_000_000),
    "items": (1_000, 10_000, 50_000, 200_000),
    "partitions": (4, 16, 64),
}
_QUICK: Final[dict[str, tuple[int, ...]]] = {
    "users": (10_000, 50_000),
    "items": (1_000, 20_000),
    "partitions": (4, 16),
}
_QUICK_EVENTS: Final = 60_000
#: Item partitions for each partition of the inputs, as in the default settings.
_ITEM_SHARE: Final = Settings().item_partitions / Settings().partitions
GOAL: Final = 0.15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `scale`."""
    parser.add_argument("--axis", choices=AXES, action="append", help="one axis; may be repeated (default: all)")
    parser.add_argument("--quick", action="store_true", help="two small points per axis, and fewer events")
    parser.add_argument("--events", type=int, metavar="N", help="records at each point (default: 200000, quick: 60000)")
    parser.add_argument("--partitions", type=int, default=8, metavar="N", help="in the base case (default: 8)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves, as .png or .svg")
    add_shop_arguments(parser, ShopperSettings(users=20_000, items=5_000))


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    if options.plot:
        check_plotting()
    events = options.events or (_QUICK_EVENTS if options.quick else 200_000)
    values = _QUICK if options.quick else AXES
    report = measure(
        traffic_settings(options, events), options.partitions, {axis: values[axis] for axis in options.axis or AXES}
    )
    if options.plot:
        plot(report, options.plot)
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0


def measure(base: TrafficSettings, partitions: int, axes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Base, point, base, point, …, base: a point is compared with the bases before and after it."""
    before, points = machine(), list[dict[str, Any]]()
    warm_up()
    with tempfile.TemporaryDirectory(prefix="upwell-scale-") as name, surroundings(Path(name)) as variables:
        settings = Settings.load(variables)
        refuse_occupied(settings)
        places = [(axis, value) for axis, chosen in axes.items() for value in chosen]
        bases = [_measure(base, partitions, None, 0, variables, Path(name, "base-0"))]
        for number, (axis, value) in enumerate(places, 1):
            point = _measure(base, partitions, axis, value, variables, Path(name, f"{axis}-{value}"))
            points.append({"axis": axis, "value": value, **_figures(point, base.records)})
            bases.append(_measure(base, partitions, None, 0, variables, Path(name, f"base-{number}")))
        for point_figures, pair in zip(points, pairwise(bases), strict=True):
            reference = statistics.mean(one.cpu_us_per_event for one in pair)
            point_figures["ratio_to_base"] = round(point_figures["cpu_us_per_event"] / reference, 3)
        return {
            "points": points,
            "base": [_figures(one, base.records) for one in bases],
            "spread": {axis: spread([one["ratio_to_base"] for one in points if one["axis"] == axis]) for axis in axes},
            "goal": GOAL,
            "partitions": partitions,
            "traffic": asdict(base),
            "machine": before,
            "versions": versions(settings),
        }


def spread(ratios: list[float]) -> float:
    """By how much the dearest point of an axis is above the cheapest.

    >>> spread([1.0, 0.8, 1.2])
    0.5
    """
    return round(max(ratios) / min(ratios) - 1, 3)


def _measure(
    base: TrafficSettings, partitions: int, axis: str | None, value: int, variables: Mapping[str, str], folder: Path
) -> Point:
    """One point: the base case, but for the value on this axis."""
    shop = replace(base.shop, **{axis: value}) if axis in ("users", "items") else base.shop
    # Each shopper comes as often as before: else visits would run into each other, and make other co-visits
    shop = replace(shop, events_per_second=base.shop.events_per_second * shop.users / base.shop.users)
    partitions = value if axis == "partitions" else partitions
    counts = {
        "UPWELL_PARTITIONS": str(partitions),
        "UPWELL_ITEM_PARTITIONS": str(max(1, round(_ITEM_SHARE * partitions))),
    }
    with progress_bar(folder.name, base.records) as show:
        return measure_point(Traffic(replace(base, shop=shop)), {**variables, **counts}, folder, show)


def _figures(point: Point, events: int) -> dict[str, Any]:
    return {
        "cpu_us_per_event": round(point.cpu_us_per_event, 2),
        "lists_per_event": round(point.lists_per_event, 3),
        "messages_per_event": {topic: round(sent.messages / events, 5) for topic, sent in point.sent.items()},
        "bytes_per_event": {topic: round(sent.bytes / events, 1) for topic, sent in point.sent.items()},
        "peak_mib": round(point.peak_mib, 1),
        "start_up_seconds": round(point.start_up_seconds, 2),
    }


def _print(report: dict[str, Any]) -> None:
    table = Table(title="One worker, per event")
    for name in ("", "µs", "to base", "lists", "covisits bytes", "messages", "examples bytes", "messages "):
        table.add_column(name, justify="right" if name else "left")
    rows = [("base", one) for one in report["base"]] + [
        (f"{one['axis']} {one['value']:,}", one) for one in report["points"]
    ]
    for title, one in rows:
        size, messages = one["bytes_per_event"], one["messages_per_event"]
        table.add_row(
            title,
            f"{one['cpu_us_per_event']:.1f}",
            f"{one['ratio_to_base']:.2f}" if "ratio_to_base" in one else "",
            f"{one['lists_per_event']:.2f}",
            f"{size['covisits']:,.0f}",
            f"{messages['covisits']:.4f}",
            f"{size['examples']:,.0f}",
            f"{messages['examples']:.4f}",
        )
    console = Console(highlight=False)
    console.print(table)
    for axis, found in report["spread"].items():
        mark = "ok  " if found <= report["goal"] else "OVER"
        console.print(f"{mark} {axis}: the dearest point is {100 * found:.0f} % above the cheapest")
    console.print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores; {report['versions']}", markup=False)
