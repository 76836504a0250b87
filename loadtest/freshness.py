"""How long after an event should have been sent does its shopper's recommendation take account of it?"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from loadtest.drain import drain
from loadtest.filling import fill
from loadtest.live_run import LiveRun, Pace, live_run
from loadtest.live_worker import live_worker
from loadtest.machine import machine, versions
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.percentiles import percentiles
from loadtest.scheduling import add_background
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic, TrafficSettings
from loadtest.worker_histogram import worker_stage
from streams.errors import SettingsError
from streams.settings import Settings

_LATE_SECONDS: Final = 0.01


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `freshness`."""
    parser.add_argument("--rate", type=float, default=1000.0, metavar="N", help="events per second (default: 1000)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="how long to measure (default: 20)")
    parser.add_argument("--warm-up", type=float, default=5.0, metavar="S", help="before that (default: 5 seconds)")
    parser.add_argument(
        "--history", type=int, default=20_000, metavar="N", help="events learned before the first (default: 20000)"
    )
    add_background(parser)
    add_shop_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print; status 1 if an event got lost."""
    pace = Pace(options.rate, options.seconds, options.warm_up)
    if not (pace.rate > 0 and pace.seconds > 0 and pace.warm_up_seconds >= 0):
        raise SettingsError("--rate and --seconds have to be more than 0, and --warm-up at least 0.")
    begun = int(time.time())
    history = traffic_settings(options, options.history, f"h{begun}")
    with tempfile.TemporaryDirectory(prefix="upwell-loadtest-") as directory:
        live = replace(history, records=pace.events, run=f"e{begun}")
        report = measure(history, live, pace, Path(directory), options.background)
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0 if report["unseen"] == report["unacknowledged"] == 0 else 1


def measure(
    history: TrafficSettings, live: TrafficSettings, pace: Pace, directory: Path, background: bool = False
) -> dict[str, Any]:
    """Start a worker, let it learn the history, then send the live traffic at its pace and watch."""
    before = machine()
    with surroundings(directory, background) as variables:
        settings = Settings.load(variables)
        fill(Traffic(history), settings)
        with live_worker(directory / "worker", variables, background=background) as worker:
            drain(worker, settings, history.records, lambda _: None)
            happened = live_run(Traffic(live), pace, settings, worker)
        return {
            **_figures(happened, pace),
            "worker_cpu_share": round(happened.worker_cpu_share, 3),
            "instrument_cpu_share": {
                "sender": happened.sending.cpu_share,
                "watcher": happened.watching.cpu_share,
                "this_process": happened.cpu_share,
            },
            "background": background,
            "pace": asdict(pace),
            "traffic": asdict(live),
            "settings": asdict(settings),
            "machine": before,
            "versions": versions(settings),
        }


def _figures(happened: LiveRun, pace: Pace) -> dict[str, Any]:
    sending, probes = happened.sending, happened.probes
    seen = np.array([np.nan if s.seen is None else s.seen for s in happened.watching.sightings])
    measured = slice(pace.warm_up_events, None)
    late = (sending.sent - sending.due)[measured]
    duration = float(sending.sent[-1] - sending.sent[measured][0])
    return {
        "freshness_ms": percentiles(seen - sending.due[probes]),
        "stages_ms": {
            "sent_after_due": percentiles(late),
            "acknowledged_after_sent": percentiles((sending.acknowledged - sending.sent)[measured]),
            "visible_after_acknowledged": percentiles(seen - sending.acknowledged[probes]),
            "worker_kafka_timestamp_to_redis": worker_stage(happened.worker_before, happened.worker_after),
        },
        "measurement_error_ms": percentiles(np.array([s.uncertain_seconds for s in happened.watching.sightings])),
        "rate": pace.rate,
        "achieved_rate": round((len(late) - 1) / duration, 1) if duration else None,
        "late_sends": int((late > _LATE_SECONDS).sum()),
        "unseen": int(np.isnan(seen).sum()),
        "unacknowledged": int(np.isnan(sending.acknowledged).sum()),
    }


def _print(report: dict[str, Any]) -> None:
    stages = {"event due → recommendation visible": report["freshness_ms"], **report["stages_ms"]}
    table = Table(title=f"{report['achieved_rate']:,.0f} events/s, milliseconds")
    for name in ("", "p50", "p95", "p99", "max"):
        table.add_column(name, justify="right" if name else "left")
    for name, figures in {**stages, "measurement error": report["measurement_error_ms"]}.items():
        shown = (figures[column] for column in ("p50", "p95", "p99", "max"))
        table.add_row(name.replace("_", " "), *("" if figure is None else f"{figure:,.1f}" for figure in shown))
    console = Console(highlight=False)
    console.print(table)
    if report["late_sends"]:
        console.print(
            f"{report['late_sends']:,} events were sent more than 10 ms late; they count from when they were due."
        )
    shares = {"worker": report["worker_cpu_share"], **report["instrument_cpu_share"]}
    console.print("Cores used: " + ", ".join(f"{name.replace('_', ' ')} {share:.2f}" for name, share in shares.items()))
    for name in ("unseen", "unacknowledged"):
        if report[name]:
            console.print(f"WRONG: {report[name]:,} events were {name}.")
