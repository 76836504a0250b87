"""How fast does one worker drain a backlog, at what cost, and is every event counted exactly once?"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console

from loadtest.correctness import mistakes, worker_counters
from loadtest.drain import Drain, drain
from loadtest.filling import fill
from loadtest.live_worker import live_worker
from loadtest.machine import machine, versions
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.progress_bar import progress_bar
from loadtest.surroundings import refuse_used, surroundings
from loadtest.taste import share_in_taste
from loadtest.traffic import Traffic
from loadtest.truth import truth_of
from streams.settings import Settings

#: Who came before the models knew anything gets a better list when it is quiet.
_SETTLE_SECONDS: Final = 4.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `throughput`."""
    parser.add_argument("--events", type=int, default=300_000, metavar="N", help="records in the backlog")
    add_shop_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print; status 1 if anything was lost or counted twice."""
    traffic = Traffic(traffic_settings(options, options.events))
    with tempfile.TemporaryDirectory(prefix="upwell-loadtest-") as directory:
        report = measure(traffic, Path(directory))
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0 if report["correct"] else 1


def measure(traffic: Traffic, directory: Path) -> dict[str, Any]:
    """Fill the topics, start a worker, and follow it until it has caught up."""
    before = machine()
    with surroundings(directory) as variables:
        settings = Settings.load(variables)
        refuse_used(settings)
        began = time.monotonic()
        fill(traffic, settings)
        filled = time.monotonic() - began
        with live_worker(directory / "worker", variables) as worker, progress_bar("draining", len(traffic)) as show:
            drained = drain(worker, settings, len(traffic), show)
            time.sleep(_SETTLE_SECONDS)
        wrong = mistakes(truth_of(traffic), settings)
        return {
            **_figures(traffic, drained),
            "fill_seconds": round(filled, 2),
            "correct": not wrong,
            "mistakes": wrong,
            "counters": worker_counters(settings),
            "share_in_taste": share_in_taste(traffic, settings),
            "traffic": asdict(traffic.settings),
            "settings": asdict(settings),
            "machine": before,
            "versions": versions(settings),
        }


def _figures(traffic: Traffic, drained: Drain) -> dict[str, Any]:
    return {
        "events": len(traffic),
        "events_per_second": _rounded(drained.events_per_second, 0),
        "worker_cpu_us_per_event": _rounded(drained.cpu_us_per_event, 2),
        "peak_memory_mib": round(drained.peak_mib, 1),
        "seconds": round(drained.seconds, 3),
        "cpu_seconds": round(drained.cpu_seconds, 3),
        "events_timed": drained.events,
        "start_up_seconds": round(drained.start_up_seconds, 2),
        "start_up_cpu_seconds": round(drained.start_up_cpu_seconds, 2),
    }


def _rounded(figure: float | None, digits: int) -> float | None:
    return None if figure is None else round(figure, digits)


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if report["events_per_second"] is None:
        console.print(f"{report['events']:,} events were gone at the first look: take more to measure speed.")
    else:
        console.print(
            f"{report['events_per_second']:,.0f} events/s, {report['worker_cpu_us_per_event']:.1f} µs of worker CPU "
            f"per event, {report['peak_memory_mib']:,.0f} MiB at most"
        )
        console.print(
            f"{report['events_timed']:,} of {report['events']:,} events in {report['seconds']:.1f} s, after "
            f"{report['start_up_seconds']:.1f} s of start-up"
        )
    for mistake in report["mistakes"]:
        console.print(f"WRONG: {mistake}", markup=False)
    if report["correct"]:
        console.print("Every event was counted exactly once.")
