"""How long does a shop's page wait for `GET rec:…` while the engine writes as fast as events come?"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from loadtest.drain import drain
from loadtest.filling import fill
from loadtest.live_worker import LiveWorker, live_worker
from loadtest.machine import machine, versions
from loadtest.open_loop import Sending, send_open_loop
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.paced_traffic import paced
from loadtest.percentiles import percentiles
from loadtest.progress_bar import progress_bar
from loadtest.reader import Reading, read_open_loop
from loadtest.scheduling import add_background, put_redis_first
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic, TrafficSettings
from streams.errors import SettingsError
from streams.lag import LagMeter
from streams.settings import Settings

#: The process that reads takes a moment to start.
_LEAD_SECONDS: Final = 3.0
_SHOW_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Pace:
    """Events and reads per second, and for how many seconds; before that, as many without events, to compare with.

    `first` is about Redis and the reader, `background` about the worker and Kafka, as `loadtest.scheduling` says.
    """

    rate: float
    reads: float
    seconds: float
    warm_up_seconds: float
    first: bool = False
    background: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `reads`."""
    parser.add_argument("--rate", type=float, default=20_000.0, metavar="N", help="events per second (default: 20000)")
    parser.add_argument("--reads", type=float, default=1000.0, metavar="N", help="reads per second (default: 1000)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="how long to measure (default: 20)")
    parser.add_argument(
        "--warm-up", type=float, default=5.0, metavar="S", help="of events before that (default: 5 seconds)"
    )
    parser.add_argument(
        "--history", type=int, default=100_000, metavar="N", help="events learned before the first (default: 100000)"
    )
    parser.add_argument(
        "--first",
        action="store_true",
        help="give Redis and the reader real-time priority, as if they had cores for themselves (Linux, as root)",
    )
    add_background(parser)
    add_shop_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print; status 1 if there was nothing to read."""
    who = options.first, options.background
    pace = Pace(options.rate, options.reads, options.seconds, options.warm_up, *who)
    if not (min(pace.rate, pace.reads, pace.seconds) > 0 and pace.warm_up_seconds >= 0):
        raise SettingsError("--rate, --reads and --seconds have to be more than 0, and --warm-up at least 0.")
    begun = int(time.time())
    history = traffic_settings(options, options.history, f"h{begun}")
    live = replace(history, records=round(pace.rate * (pace.seconds + pace.warm_up_seconds)), run=f"e{begun}")
    with tempfile.TemporaryDirectory(prefix="upwell-loadtest-") as directory:
        report = measure(history, live, pace, Path(directory))
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0 if report["found_share"] > 0 else 1


def measure(history: TrafficSettings, live: TrafficSettings, pace: Pace, directory: Path) -> dict[str, Any]:
    """Let a worker learn the history; read while nothing happens, then while events are processed."""
    before = machine()
    with surroundings(directory, pace.background) as variables:
        settings = Settings.load(variables)
        if pace.first:
            put_redis_first(settings.redis)
        past = Traffic(history)
        fill(past, settings)
        with live_worker(directory / "worker", variables, background=pace.background) as worker:
            drain(worker, settings, history.records, lambda _: None)
            keys = _keys(past, settings, pace)
            idle = _read_idle(keys, pace, settings)
            busy, sent, cpu_share = _read_busy(keys, pace, settings, Traffic(live), worker)
            behind = _behind(settings)
        return {
            "idle_ms": _latencies(idle),
            "busy_ms": _latencies(busy),
            "found_share": round(busy.found / len(busy.due), 4),
            "achieved_rate": round((len(sent.due) - 1) / max(float(sent.sent[-1] - sent.sent[0]), 1e-9), 1),
            "sent_late_seconds": round(float((sent.sent - sent.due).max()), 3),
            "events_behind_at_end": behind,
            "worker_cpu_share": round(cpu_share, 3),
            "instrument_cpu_share": {"sender": sent.cpu_share, "reader": busy.cpu_share},
            "pace": asdict(pace),
            "traffic": asdict(live),
            "settings": asdict(settings),
            "machine": before,
            "versions": versions(settings),
        }


def _keys(past: Traffic, settings: Settings, pace: Pace) -> list[str]:
    """Whose lists are asked for: who comes more often is asked for more often."""
    rng = np.random.default_rng([past.settings.shop.seed, 5])
    users = rng.choice(past.visits.user, round(pace.reads * pace.seconds)).tolist()
    return [f"{settings.prefix}rec:{past.user_names[user].decode()}" for user in users]


def _read_idle(keys: list[str], pace: Pace, settings: Settings) -> Reading:
    how = pace.reads, settings.redis, pace.first
    with _processes(1) as pool:
        return pool.submit(read_open_loop, keys, time.time() + _LEAD_SECONDS, *how).result()


def _read_busy(
    keys: list[str], pace: Pace, settings: Settings, traffic: Traffic, worker: LiveWorker
) -> tuple[Reading, Sending, float]:
    """Read after a warm-up while events come all along; the last figure is the share of a core the worker took."""
    paced_traffic = paced(traffic, pace.rate, settings)
    start = float(paced_traffic.due[0])
    with _processes(2) as pool, progress_bar("sending", len(traffic)) as show:
        first_read = start + pace.warm_up_seconds
        reading = pool.submit(read_open_loop, keys, first_read, pace.reads, settings.redis, pace.first)
        sending = pool.submit(send_open_loop, paced_traffic.requests.requests)
        time.sleep(max(0.0, start - time.time()))
        begun, used = time.monotonic(), worker.usage.cpu_seconds
        while not sending.done():
            show(paced_traffic.due_now())
            time.sleep(_SHOW_SECONDS)
        cpu_share = (worker.usage.cpu_seconds - used) / (time.monotonic() - begun)
        return reading.result(), sending.result().of_events(paced_traffic), cpu_share


def _processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"))


def _behind(settings: Settings) -> int:
    meter = LagMeter(settings)
    try:
        return int(meter.count().total)
    finally:
        meter.close()


def _latencies(reading: Reading) -> dict[str, Any]:
    return {
        "due_to_answer": percentiles(reading.answered - reading.due),
        "sent_after_due": percentiles(reading.sent - reading.due),
        "answered_after_sent": percentiles(reading.answered - reading.sent),
    }


def _print(report: dict[str, Any]) -> None:
    pace = report["pace"]
    table = Table(title=f"{pace['reads']:,.0f} reads/s of rec:…, milliseconds")
    for name in ("", "p50", "p95", "p99", "max"):
        table.add_column(name, justify="right" if name else "left")
    for when, title in (("idle_ms", "no events"), ("busy_ms", f"{report['achieved_rate']:,.0f} events/s")):
        for stage, figures in report[when].items():
            shown = (figures[column] for column in ("p50", "p95", "p99", "max"))
            table.add_row(f"{title}: {stage.replace('_', ' ')}", *(f"{figure:,.2f}" for figure in shown))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{100 * report['found_share']:.0f} % of the reads found a list; the worker used "
        f"{report['worker_cpu_share']:.2f} cores and was {report['events_behind_at_end']:,} records behind at the end; "
        + ", ".join(f"{name} {share:.2f}" for name, share in report["instrument_cpu_share"].items())
        + "."
    )
    console.print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores; {report['versions']}", markup=False)
