"""How long until a worker of a large shop is back: checkpoints loaded, and what came meanwhile replayed?

Every shopper comes once, then there is traffic. A worker learns all that and stops, or is killed when its checkpoints
are made. Events come while nobody is there. Another worker is started: from then on time counts. At the end everybody's
counters are compared with the truth.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console

from loadtest.correctness import mistakes
from loadtest.machine import machine, versions
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.preload import preload_size, truth_of_preload
from loadtest.restart import Restart, restart
from loadtest.shoppers import ShopperSettings
from loadtest.surroundings import refuse_used, surroundings
from loadtest.traffic import Traffic, TrafficSettings
from loadtest.truth import in_turn, truth_of
from streams.errors import SettingsError
from streams.settings import Settings
from streams.warm_up import warm_up

GOAL_SECONDS: Final = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `recovery`."""
    parser.add_argument(
        "--history", type=int, metavar="N", help="records after everybody has come once (default: as many as users)"
    )
    parser.add_argument("--rate", type=float, default=1000.0, metavar="N", help="events per second (default: 1000)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="S", help="of traffic while no worker is there (default: 60)"
    )
    parser.add_argument("--kill", action="store_true", help="kill the first worker (default: stop it)")
    add_shop_arguments(parser, ShopperSettings(users=1_000_000, items=50_000))


def run(options: argparse.Namespace) -> int:
    """Measure and print; status 1 if anything was lost or counted twice."""
    meanwhile = round(options.rate * options.seconds)
    history = options.users if options.history is None else options.history
    if meanwhile < 1 or history < 1:
        raise SettingsError("--rate, --seconds and --history have to be more than 0.")
    settings = traffic_settings(options, history + meanwhile)
    # Event time passes as fast as it will be replayed: so many events make so many seconds
    settings = replace(settings, shop=replace(settings.shop, events_per_second=options.rate))
    with tempfile.TemporaryDirectory(prefix="upwell-recovery-") as directory:
        report = measure(settings, meanwhile, Path(directory), kill=options.kill)
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0 if report["correct"] else 1


def measure(settings: TrafficSettings, meanwhile: int, directory: Path, *, kill: bool) -> dict[str, Any]:
    """Restart a worker, and compare what it has counted with the truth."""
    before, traffic = machine(), Traffic(settings)
    warm_up()
    with surroundings(directory) as variables:
        engine = Settings.load(variables)
        refuse_used(engine)
        found = restart(traffic, meanwhile, variables, directory, kill=kill)
        wrong = mistakes(in_turn(truth_of_preload(traffic), truth_of(traffic)), engine)
        return {
            **_figures(found),
            "goal_seconds": GOAL_SECONDS,
            "correct": not wrong,
            "mistakes": wrong,
            "users": len(traffic.user_names),
            "events_learned": preload_size(traffic) + len(traffic) - meanwhile,
            "events_meanwhile": meanwhile,
            "killed": kill,
            "traffic": asdict(settings),
            "settings": asdict(engine),
            "machine": before,
            "versions": versions(engine),
        }


def _figures(found: Restart) -> dict[str, Any]:
    drained = found.drained
    return {
        "seconds_until_assigned": round(found.taking.began - found.started, 2),
        "seconds_to_load": round(found.taking.seconds, 2),
        "seconds_until_first_progress": round(drained.start_up_seconds, 2),
        "seconds_until_caught_up": round(drained.start_up_seconds + drained.seconds, 2),
        "load_cpu_seconds": round(found.taking.cpu_seconds, 2),
        "worker_cpu_seconds": round(drained.start_up_cpu_seconds + drained.cpu_seconds, 2),
        "peak_memory_mib": round(drained.peak_mib, 1),
        "events_replayed": found.replayed,
        "checkpoint_bytes": found.checkpoints,
        "checkpoint_bytes_in_all": sum(found.checkpoints.values()),
        "learning_seconds": round(found.learned.seconds, 1),
    }


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    size = report["checkpoint_bytes_in_all"]
    mark = "ok  " if report["seconds_until_caught_up"] <= report["goal_seconds"] else "OVER"
    console.print(
        f"{mark} recovered in {report['seconds_until_caught_up']:.1f} s (goal: {report['goal_seconds']:g}): "
        f"{report['users']:,} users, {report['events_replayed']:,} events replayed"
    )
    steps = {
        "seconds_until_assigned": "Kafka gives the new worker the partitions",
        "seconds_to_load": f"it loads their checkpoints, {size / 2**20:,.0f} MiB (so long it takes, {{}} s of CPU)",
        "seconds_until_first_progress": "its first progress is seen",
        "seconds_until_caught_up": "there is no lag",
    }
    for name, meaning in steps.items():
        console.print(f"{report[name]:8.2f} s  {meaning.format(report['load_cpu_seconds'])}")
    console.print(f"The worker used {report['worker_cpu_seconds']:.1f} s of CPU, {report['peak_memory_mib']:,.0f} MiB.")
    for mistake in report["mistakes"]:
        console.print(f"WRONG: {mistake}", markup=False)
    if report["correct"]:
        console.print("Every event was counted exactly once.")
    console.print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores; {report['versions']}", markup=False)
