"""How good the lists are: hold-out (learn one file, predict another) or test-then-learn over one stream."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from online_models.engine import Engine
from online_models.evaluation import Prediction, Recommends
from streams.errors import SettingsError
from streams.evaluating.contenders import BASELINES, Rules, contenders
from streams.evaluating.hit_rate_curves import plot_hit_rates
from streams.evaluating.measuring import Row, Split, measured
from streams.evaluating.plotting import check_picture
from streams.evaluating.recording import read_recording, session_gap_minutes


def run(options: argparse.Namespace) -> int:
    """Learn, predict, print."""
    if options.plot:
        if not options.stream:
            raise SettingsError("--plot draws the hit rate over a stream; name one with --stream FILE")
        check_picture(options.plot)
    if options.predictions and not options.predictions.parent.is_dir():
        raise SettingsError(f"--predictions {options.predictions}: there is no such folder; make it first")
    recording = options.stream or options.test
    rules = Rules(
        length=options.k,
        allow_current=options.allow_current,
        leave_out=options.leave_out,
        gap_minutes=session_gap_minutes(recording, Rules.gap_minutes),
    )
    split = _stream(options, rules) if options.stream else _hold_out(options, rules)
    if not split.test:
        raise SettingsError(f"{recording} holds no events to predict")
    Engine.warm_up()
    rows = _rows(options, rules, split)
    if options.plot:
        plot_hit_rates(options.plot, rows, split.title, options.k)
    if options.json:
        print(json.dumps(rows[0].as_dict() | {"baselines": {row.name: row.as_dict() for row in rows[1:]}}))
    else:
        _print(options, split, rows)
    return 0


def _hold_out(options: argparse.Namespace, rules: Rules) -> Split:
    return Split(
        title=f"{options.test.name} after {options.train.name}, top {options.k}",
        train=list(read_recording(options.train, options.level)),
        test=list(read_recording(options.test, options.level)),
        learn=options.learn,
        session_starts=False,
        gap_minutes=rules.gap_minutes,
    )


def _stream(options: argparse.Namespace, rules: Rules) -> Split:
    events = list(read_recording(options.stream, options.level))
    first = int(options.warm_up_share * len(events))
    level = "" if options.level == "item" else f" by {options.level}"
    return Split(
        title=f"{options.stream.name}{level}, test-then-learn, top {options.k}",
        train=events[:first],
        test=events[first:],
        learn=True,
        session_starts=True,
        gap_minutes=rules.gap_minutes,
    )


def _rows(options: argparse.Namespace, rules: Rules, split: Split) -> list[Row]:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    with bar, _lines(options.predictions) as out:
        return [
            _row(name, engine, split, bar, out if name == "upwell" else None)
            for name, engine in contenders(rules, _baselines(options), options.session_share)
        ]


def _baselines(options: argparse.Namespace) -> Sequence[str]:
    """None without the option, all when it names none."""
    return () if options.baselines is None else options.baselines or tuple(BASELINES)


def _row(name: str, engine: Recommends, split: Split, bar: Progress, out: TextIO | None) -> Row:
    task = bar.add_task(name, total=len(split.train) + len(split.test))

    def note(prediction: Prediction) -> None:
        if out:
            out.write(_line(prediction))

    return measured(name, engine, split, advance=lambda events: bar.advance(task, events), note=note)


@contextlib.contextmanager
def _lines(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
    else:
        try:
            out = path.open("w")
        except OSError as error:
            raise SettingsError(f"--predictions {path} cannot be written ({error.strerror})") from None
        with out:
            yield out


def _line(prediction: Prediction) -> str:
    line = {
        "user": prediction.user,
        "position": prediction.position,
        "target": prediction.target,
        "items": prediction.items,
    }
    return msgspec.json.encode(line).decode() + "\n"


def _print(options: argparse.Namespace, split: Split, rows: Sequence[Row]) -> None:
    table = Table(title=split.title)
    table.add_column("")
    for name in (f"HR@{options.k}", f"MRR@{options.k}", "coverage", "ms", "events/s", "MB"):
        table.add_column(name, justify="right")
    for row in rows:
        told = row.as_dict()
        table.add_row(
            row.name, f"{told['hr']:.4f}", f"{told['mrr']:.4f}", f"{told['coverage']:.4f}",
            f"{row.ms_per_prediction:.3f}", f"{row.events_per_second:,.0f}", f"{row.state_bytes / 1e6:.1f}",
        )  # fmt: skip
    Console().print(table)
    learned = "each event was learned after its prediction" if split.learn else "nothing was learned from the test file"
    Console().print(
        "ms: to make a list; events/s: learned; both in processor time. MB: held at the end, models and shoppers.\n"
        f"{rows[0].quality.predictions:,} predictions; the current item was "
        f"{'allowed' if options.allow_current else 'left out'}; {learned}."
    )
