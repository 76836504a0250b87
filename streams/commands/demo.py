"""Play three hours of a real shop: Kafka, Redis and a worker start, and you see what comes out.

Embedded servers are used unless UPWELL_KAFKA and UPWELL_REDIS name real ones.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.live import Live

from online_models.events import Event
from streams.commands.replay import speed_of
from streams.demo import story
from streams.demo.labels import labels
from streams.demo.models import Models
from streams.demo.play import play
from streams.demo.stage import Stage, servers
from streams.demo.watch import Numbers, Watch, as_table
from streams.errors import SettingsError
from streams.replay import ReplaySummary
from streams.sources import bundled, source, to_records
from streams.topic_creation import ensure_topics
from streams.worker_process import WorkerProcess

#: Without --speed, the demo takes about this long, whatever time the data spans.
_USUAL_SECONDS: Final = 20.0
_READY_SECONDS: Final = 180.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell demo`."""
    parser.add_argument("--data", choices=("rees46", "clothing"), default="rees46", help="default: rees46")
    parser.add_argument(
        "--speed", metavar="X|max", help="X times as fast as it happened, or max (default: about 20 s in all)"
    )
    parser.add_argument("--once", action="store_true", help="end after the show instead of staying up")
    parser.add_argument("--json", action="store_true", help="with --once: print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Set the stage, play, tell the story."""
    if options.json and not options.once:
        raise SettingsError("--json prints one object at the end, and without --once there is none: add --once.")
    events = list(source(options.data).read(bundled(options.data)))
    speed = speed_of(options.speed) if options.speed else (events[-1].ts - events[0].ts) / 1000 / _USUAL_SECONDS
    progress = Console(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with progress.status("starting Kafka and Redis"), servers(os.environ) as stage:
        progress.print(stage.notice or "Kafka and Redis are up.")
        ensure_topics(stage.settings)
        watch = Watch(stage.settings)
        with WorkerProcess(stage.settings, stage.folder / "worker.log") as worker:
            with progress.status("starting the worker (the first time, its kernels are compiled: about a minute)"):
                worker.wait_until(lambda: watch.look().partitions > 0, _READY_SECONDS)
            results = _play(options, events, speed, stage, worker, watch, progress)
            if not options.json:
                _tell(options.data, events, stage, watch, results)
            if not options.once:
                _stay_up(stage)
        watch.close()
    if options.json:
        print(msgspec.json.encode(results).decode())
    return 0


def _play(
    options: argparse.Namespace,
    events: list[Event],
    speed: float | None,
    stage: Stage,
    worker: WorkerProcess,
    watch: Watch,
    progress: Console,
) -> dict[str, Any]:
    with Live(console=progress, refresh_per_second=4, transient=options.json) as live:

        def show(numbers: Numbers, sent: ReplaySummary | None) -> None:
            live.update(as_table(numbers, sent))

        records = list(to_records(events))
        numbers, sent, seconds = play(records, stage, speed, worker, watch, show)
    return _results(numbers, sent, seconds, stage, watch)


def _results(numbers: Numbers, sent: ReplaySummary, seconds: float, stage: Stage, watch: Watch) -> dict[str, Any]:
    prefix = stage.settings.prefix
    parameters = watch.parameters()
    models = Models.of(parameters)
    return {
        "events_in": sent.sent,
        "events_processed": numbers.processed,
        "rejected": numbers.rejected,
        "duplicates": numbers.duplicates,
        "users": sum(1 for _ in watch.redis.scan_iter(f"{prefix}user:*", count=1000)),
        "items": sum(1 for _ in watch.redis.scan_iter(f"{prefix}sim:*", count=1000)),
        "recommendations_written": numbers.lists,
        "events_per_second": round(numbers.processed / seconds, 1),
        "freshness_ms": {"p50": numbers.freshness_p50, "p99": numbers.freshness_p99},
        "hit_rate_at_20": round(numbers.hit_rate, 4),
        "mrr_at_20": round(numbers.mean_reciprocal_rank, 4),
        "lately": {name: _rounded(value) for name, value in asdict(numbers.lately).items()},
        "propensity_auc": _rounded(models.auc),
        "models": {name: _rounded(value) for name, value in asdict(models).items()},
        "segments": story.segments(parameters),
    }


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if isinstance(value, float) else value


def _tell(data: str, events: list[Event], stage: Stage, watch: Watch, results: dict[str, Any]) -> None:
    console = Console(emoji=False)
    names = [segment["name"] for segment in results["segments"]]
    known = labels(data)
    for shopper in story.three_shoppers(events):
        console.print(story.told(shopper, watch.redis, stage.settings, names, known))
    story.print_segments(console, results["segments"])


def _stay_up(stage: Stage) -> None:
    console = Console(highlight=False)
    console.print("\nEverything stays up until Ctrl-C. In another terminal:")
    settings = stage.settings
    servers = f"UPWELL_KAFKA={settings.kafka} UPWELL_REDIS={settings.redis}"
    console.print(f"  export {servers} UPWELL_CHECKPOINTS={settings.checkpoints}", soft_wrap=True)
    upwell = sys.argv[0] if Path(sys.argv[0]).name == "upwell" else "upwell"
    console.print(f"  {upwell} lag  (or check, recommend USER, similar ITEM)", soft_wrap=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("Stopping.")
