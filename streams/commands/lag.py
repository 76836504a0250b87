"""Show how far behind the engine is, per topic and partition. Zero: everything is folded and in Redis."""

from __future__ import annotations

import argparse

import msgspec
from rich.console import Console
from rich.table import Table

from streams.lag import Lag, LagMeter
from streams.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell lag`."""
    parser.add_argument("--json", action="store_true", help='print {"total", "seconds", "partitions"}')


def run(options: argparse.Namespace) -> int:
    """Measure once and print."""
    meter = LagMeter(Settings.load())
    try:
        lag = meter.measure()
    finally:
        meter.close()
    if options.json:
        print(msgspec.json.encode(lag).decode())
    else:
        _print(lag)
    return 0


def _print(lag: Lag) -> None:
    table = Table(title=f"{lag.total:,} events behind, {lag.seconds:.1f} s")
    for name in ("topic", "partition", "end", "processed", "lag", "seconds", "stopped"):
        table.add_column(name, justify="left" if name in ("topic", "stopped") else "right")
    for p in lag.partitions:
        table.add_row(
            p.topic,
            str(p.partition),
            f"{p.end:,}",
            f"{p.processed:,}",
            f"{p.lag:,}",
            f"{p.seconds:.1f}",
            p.stopped or "",
        )
    Console().print(table)
