"""Measure the recommendations on sessions that are known: learn one file, predict another.

The same engine as the worker's, without Kafka and Redis. The train file is learned in one streaming pass; then the
test file is replayed, and before each next item of a session the list of the best k is recorded. Files are
tab-separated `SessionId ItemId Time` (time in seconds, optionally .gz) or events as JSON lines (.jsonl, .jsonl.gz).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import msgspec
from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table

from online_models.engine import Engine, EngineSettings
from online_models.evaluation import NextItemQuality, Prediction, next_item_predictions
from online_models.events import Event
from online_models.recommendation import RecommendationSettings
from online_models.shoppers import ShopperSettings
from streams.sources import read_events, read_session_events

_BATCH = 4096
#: A file of sessions says itself where a session ends: no pause within one ends it.
_NO_GAP_MINUTES = 60 * 24 * 365 * 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell evaluate`."""
    parser.add_argument("--train", type=Path, required=True, metavar="FILE", help="what to learn, in one pass")
    parser.add_argument("--test", type=Path, required=True, metavar="FILE", help="what to predict")
    parser.add_argument("--k", type=int, default=20, help="length of the lists (default: 20)")
    parser.add_argument(
        "--allow-current",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="whether the item looked at may be in its own list (default: no, as live)",
    )
    parser.add_argument("--learn", action="store_true", help="learn the test file too, each event after its prediction")
    parser.add_argument("--predictions", type=Path, metavar="OUT.jsonl", help="write every prediction, a line each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Learn, predict, print."""
    train, test = _events(options.train), _events(options.test)
    gap = ShopperSettings().session_gap_minutes if _is_events(options.test) else _NO_GAP_MINUTES
    engine = Engine(
        EngineSettings(
            shoppers=ShopperSettings(session_gap_minutes=gap),
            recommendations=RecommendationSettings(length=options.k, skip_current=not options.allow_current),
        )
    )
    console = Console(stderr=True)
    engine.warm_up()
    started = time.perf_counter()
    for start in track(range(0, len(train), _BATCH), description="learning", console=console, transient=True):
        engine.learn_many(train[start : start + _BATCH])
    learned_in = time.perf_counter() - started
    quality, stopwatch = NextItemQuality(), _Stopwatch()
    with _lines(options.predictions) as out, Progress(console=console, transient=True) as progress:
        replayed = progress.track(test, description="predicting")
        for prediction in next_item_predictions(engine, replayed, learn=options.learn, clock=stopwatch.press):
            quality.learn_one(prediction)
            if out:
                out.write(_line(prediction))
    _print(options, engine, quality, stopwatch, len(train) / learned_in if learned_in else 0.0)
    return 0


class _Stopwatch:
    """Adds up the time between every odd press and the next."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since: float | None = None

    def press(self) -> None:
        now = time.perf_counter()
        if self._since is None:
            self._since = now
        else:
            self.seconds += now - self._since
            self._since = None


def _is_events(path: Path) -> bool:
    return any(suffix in (".jsonl", ".json", ".ndjson") for suffix in path.suffixes)


def _events(path: Path) -> list[Event]:
    return list(read_events(path) if _is_events(path) else read_session_events(path))


@contextlib.contextmanager
def _lines(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
    else:
        with path.open("w") as out:
            yield out


def _line(prediction: Prediction) -> str:
    line = {
        "session": prediction.session,
        "position": prediction.position,
        "target": prediction.target,
        "items": prediction.items,
    }
    return msgspec.json.encode(line).decode() + "\n"


def _print(
    options: argparse.Namespace, engine: Engine, quality: NextItemQuality, stopwatch: _Stopwatch, rate: float
) -> None:
    results = {
        "predictions": quality.predictions,
        "hr": round(quality.hit_rate, 6),
        "mrr": round(quality.mean_reciprocal_rank, 6),
        "coverage": round(quality.coverage(len(engine.items)), 6),
        "ms_per_prediction": round(1000 * stopwatch.seconds / max(quality.predictions, 1), 4),
        "events_per_second": round(rate),
    }
    if options.json:
        print(json.dumps(results))
        return
    table = Table(title=f"{options.test.name} after {options.train.name}, top {options.k}")
    for name in (
        f"HR@{options.k}",
        f"MRR@{options.k}",
        "coverage",
        "predictions",
        "ms/prediction",
        "events/s learned",
    ):
        table.add_column(name, justify="right")
    table.add_row(
        f"{quality.hit_rate:.4f}", f"{quality.mean_reciprocal_rank:.4f}", f"{results['coverage']:.4f}",
        str(quality.predictions), f"{results['ms_per_prediction']:.3f}", f"{rate:,.0f}",
    )  # fmt: skip
    Console().print(table)
    Console().print(
        f"The current item was {'allowed' if options.allow_current else 'left out'}; "
        f"{'the test file was learned as it went' if options.learn else 'nothing was learned from the test file'}."
    )
