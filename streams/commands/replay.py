"""Publish a file of events to Kafka, as fast as it goes or at a pace."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.errors import SettingsError
from streams.replay import ReplaySummary, replay
from streams.settings import Settings
from streams.sources import SOURCES, source
from streams.topic_creation import ensure_topics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell replay`."""
    parser.add_argument("file", type=Path, metavar="FILE")
    formats = "; ".join(f"{name}: {known.summary}" for name, known in SOURCES.items())
    parser.add_argument("--format", choices=sorted(SOURCES), required=True, help=formats)
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=float, metavar="N", help="N events per second")
    pace.add_argument("--speed", default="max", metavar="X|max", help="X times as fast as they happened (default: max)")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def run(options: argparse.Namespace) -> int:
    """Publish the file; topics that are missing are created."""
    settings = Settings.load()
    ensure_topics(settings)
    records = source(options.format).read_records(options.file)
    with Progress(
        TextColumn("publishing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]:,.0f} events/s"),
        TimeRemainingColumn(), console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("publishing", total=None, rate=0.0)

        def show(state: ReplaySummary) -> None:
            bar.update(task, completed=state.acknowledged, rate=state.acknowledged / max(state.seconds, 1e-3))

        speed = speed_of(options.speed)
        summary = asyncio.run(replay(records, settings.kafka, speed=speed, rate=options.rate, progress=show))
    if options.json:
        print(msgspec.json.encode(summary).decode())
    else:
        Console().print(f"{summary.sent:,} events published in {summary.seconds:.1f} s")
    return 0


def speed_of(text: str) -> float | None:
    """The speed that `--speed` asks for; None means as fast as it goes.

    Raises
    ------
    SettingsError
        It is neither a number nor "max".
    """
    if text == "max":
        return None
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"--speed is {text!r} and has to be a number or max.") from None
