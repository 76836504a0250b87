"""Kill, starve and confuse the engine, and compare its state with a sequential fold over what Kafka holds."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console

from loadtest.chaos.arena import Arena, Setting, arena
from loadtest.chaos.reference import Reference, read_back, reference
from loadtest.chaos.sabotage import MUTANTS
from loadtest.chaos.scenarios import SCENARIOS, Scenario
from loadtest.chaos.shop_window import ShopWindow
from loadtest.chaos.states import States, lost_and_doubled, newest_states, unequal
from loadtest.machine import machine, versions
from loadtest.progress_bar import progress_bar
from streams.errors import EngineError
from streams.lag import LagMeter
from streams.reading import open_redis, read
from streams.topics import REJECTED

#: Lists that are outdated are written again when all is quiet, and a Redis that lost values gets them back.
_SETTLE_SECONDS: Final = 45.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `chaos`."""
    names = "; ".join(f"{name} ({one.short_amount}, {one.amount}): {one.purpose}" for name, one in SCENARIOS.items())
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--scenario", choices=SCENARIOS, metavar="NAME", help=names)
    choice.add_argument("--list", action="store_true", help="print the names of all scenarios")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="default: 1")
    parser.add_argument("--amount", type=int, metavar="N", help="how many faults (default: see the names)")
    parser.add_argument("--full", action="store_true", help="the larger amount")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default: 2")
    parser.add_argument("--rate", type=float, default=1000.0, metavar="R", help="events per second (default: 1000)")
    parser.add_argument("--mutant", choices=MUTANTS, metavar="NAME", help=f"break the engine: {', '.join(MUTANTS)}")
    parser.add_argument(
        "--patience", type=float, default=240.0, metavar="S", help="seconds to catch up in at the end (default: 240)"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave logs, checkpoints and data in this directory")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Run one scenario and print the ledger; status 1 if it does not add up."""
    if options.list:
        print("\n".join(SCENARIOS))
        return 0
    scenario = SCENARIOS[options.scenario]
    setting = Setting(
        seed=options.seed,
        workers=options.workers,
        rate=options.rate,
        two_topics=scenario.two_topics,
        duplicate_share=scenario.duplicate_share,
        through_proxies=scenario.through_proxies,
        mutant=options.mutant,
        more=scenario.more,
    )
    amount = options.amount or (scenario.amount if options.full else scenario.short_amount)
    with ExitStack() as stack:
        directory = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="upwell-chaos-")))
        report = {
            "scenario": options.scenario,
            **measure(scenario, setting, amount, directory.absolute(), options.patience),
        }
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0 if report["passed"] else 1


def measure(scenario: Scenario, setting: Setting, amount: int, directory: Path, patience: float) -> dict[str, Any]:
    """Let the shop publish, inflict the faults, wait until all is quiet, and add up."""
    began = time.monotonic()
    with progress_bar("faults", amount) as show, arena(setting, directory, show) as place:
        complaints = _complaint_of(place.wait_until_at_work)
        complaints += _complaint_of(lambda: scenario.inflict(place, amount))
        place.feeder.finish()
        complaints += _complaint_of(lambda: _wait_until_done(place, patience))
        expected = reference(place.settings, place.library)
        window = _settled(ShopWindow(expected, place.settings, only_counters=setting.two_topics))
        place.fleet.stop()
        states = newest_states(place.settings, expected)
        lost, doubled = lost_and_doubled(states, expected)
        different = [] if setting.two_topics else unequal(states, expected)
        ledger = {
            "events": expected.accepted + expected.duplicates,
            "kills": place.faults,
            "lost": lost + expected.untold * (not setting.two_topics) + max(expected.distinct - expected.accepted, 0),
            "double_counted": doubled
            + expected.told_twice * (not setting.two_topics)
            + max(expected.accepted - expected.distinct, 0),
            "state_equal": None if setting.two_topics else not different,
            "redis_equal": not window,
            "recovery_seconds": _spread(place.recoveries.seconds),
        }
        complaints += different + window + _unreported(place, expected, states)
        return {
            **ledger,
            "passed": not complaints and ledger["lost"] == ledger["double_counted"] == 0,
            "complaints": complaints,
            "longest_stall_seconds": round(place.recoveries.longest_stall, 1),
            "workers_ended": place.fleet.ended,
            "writes_refused": place.fleet.said("to another one"),
            "rejected": dict(expected.rejected),
            "duplicates": expected.duplicates,
            "reported_lost": sum(len(gone) for gone in _reported(place).values()),
            "seconds": round(time.monotonic() - began, 1),
            "seed": setting.seed,
            "mutant": setting.mutant,
            "machine": machine(),
            "versions": versions(place.settings),
        }


def _complaint_of(action: Any) -> list[str]:
    try:
        action()
    except EngineError as error:
        return [str(error)]
    return []


def _wait_until_done(place: Arena, patience: float) -> None:
    meter = LagMeter(place.settings)
    deadline = time.monotonic() + patience
    try:
        while not meter.is_quiet():
            if time.monotonic() > deadline:
                behind = meter.count().total
                raise EngineError(f"The workers are still {behind} records behind after {patience:g} s.")
            time.sleep(0.2)
    finally:
        meter.close()


def _settled(window: ShopWindow) -> list[str]:
    """What is wrong in Redis once all has been quiet for a while."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (complaints := window.complaints()) and time.monotonic() < deadline:
        time.sleep(1.0)
    return complaints


def _unreported(place: Arena, expected: Reference, states: States) -> list[str]:
    """What was not reported as it should: rejected records, lost ranges; and numbers that are none."""
    complaints = []
    lost = {(*tp, gone.start): gone for tp, ranges in place.library.lost.items() for gone in ranges}
    if lost != (reported := _reported(place)):
        complaints.append(f"lost is {lost}, reported is {reported}")
    letters = {
        (headers["topic"], headers["partition"], headers["offset"])
        for record in read_back(place.settings, REJECTED)[0]
        if (headers := dict(record.headers))["reason"]
    }
    if len(letters) != expected.rejected.total():
        complaints.append(f"{len(letters)} records are in {REJECTED} instead of {expected.rejected.total()}")
    complaints += [
        f"{owner[0]}-{owner[1]} holds numbers that are none" for owner, one in states.items() if not _sane(one.state)
    ]
    return complaints


def _reported(place: Arena) -> dict[tuple[str, int, int], range]:
    redis = open_redis(place.settings)
    found = read(redis.hgetall, f"{place.settings.prefix}lost")
    ranges = {}
    for name, end in found.items():
        topic, partition, start = name.split(":")
        ranges[topic, int(partition), int(start)] = range(int(start), int(end))
    return ranges


def _sane(state: Any) -> bool:
    if isinstance(state, dict):
        return all(map(_sane, state.values()))
    if isinstance(state, (list, tuple)):
        return all(map(_sane, state))
    return not isinstance(state, (float, np.ndarray)) or bool(np.isfinite(state).all())


def _spread(seconds: list[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50": None, "max": None}
    return {"p50": round(statistics.median(seconds), 2), "max": round(max(seconds), 2)}


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    for name in ("events", "kills", "lost", "double_counted", "state_equal", "redis_equal", "recovery_seconds"):
        console.print(f"{name:>18}  {report[name]}")
    for complaint in report["complaints"]:
        console.print(f"WRONG: {complaint}", markup=False)
    console.print("passed" if report["passed"] else "FAILED")
