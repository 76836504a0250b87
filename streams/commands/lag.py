"""Show how far behind the engine is, per topic and partition. Zero: everything is folded and in Redis."""

from __future__ import annotations

import argparse

import msgspec
from rich.console import Console
from rich.table import Table

from streams.durability import Durability, durability
from streams.lag import Lag, LagMeter
from streams.settings import Settings
from streams.topics import REJECTED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell lag`."""
    keys = '{"total", "seconds", "rejected", "partitions", "committed", "checkpoints", "lost"}'
    parser.add_argument("--json", action="store_true", help=f"print {keys}")


def run(options: argparse.Namespace) -> int:
    """Measure once and print."""
    settings = Settings.load()
    meter = LagMeter(settings)
    try:
        lag = meter.measure()
    finally:
        meter.close()
    durable = durability(settings, lag.partitions)
    if options.json:
        print(msgspec.json.encode(msgspec.to_builtins(lag) | msgspec.to_builtins(durable)).decode())
    else:
        _print(lag, durable)
    return 0


def _print(lag: Lag, durable: Durability) -> None:
    console = Console()
    table = Table(title=f"{lag.total:,} events behind, {_seconds(lag.seconds)} s")
    table.add_column("topic", no_wrap=True)
    for name in ("end", "processed", "lag", "seconds", "committed"):
        table.add_column(name, justify="right")
    for p, committed in zip(lag.partitions, durable.committed, strict=True):
        table.add_row(
            f"{p.topic}-{p.partition}",
            f"{p.end:,}",
            f"{p.processed:,}",
            f"{p.lag:,}",
            _seconds(p.seconds),
            "-" if committed.committed is None else f"{committed.committed:,}",
        )
    console.print(table if lag.partitions else "There are no topics yet: the first worker makes them.")
    for complaint in dict.fromkeys(f"{p.topic}-{p.partition}: {p.stopped}" for p in lag.partitions if p.stopped):
        console.print(complaint, markup=False, soft_wrap=True)
    if lag.rejected:
        console.print(f"{lag.rejected:,} records are in topic {REJECTED}; their headers say why.", soft_wrap=True)
    if durable.checkpoints:
        oldest = max(durable.checkpoints, key=lambda one: one.age_seconds)
        size = sum(one.size_bytes for one in durable.checkpoints)
        console.print(
            f"Checkpoints: {size / 2**20:,.1f} MiB, the oldest {oldest.age_seconds:,.0f} s ({oldest.owner})",
            soft_wrap=True,
        )
    for gone in durable.lost:
        console.print(
            f"LOST: {gone.topic}-{gone.partition}, records {gone.start:,} to {gone.end - 1:,}: Kafka deleted them "
            "before they were processed.",
            markup=False,
            soft_wrap=True,
        )


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f}"
