"""Find the settings that recommend best on your own events: try them on a replay, and print those to use.

The events of each file are replayed in order; of the second half every one (or a sample, --predictions) is predicted by
what came before it and learned only then. Settings are searched one at a time, beginning with the current ones, by hit
rate plus mean reciprocal rank, averaged over the files. The earlier predictions choose; the later ones, which played no
part in that, tell what the choice is worth. The format of a file is recognised, as by `upwell evaluate`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from online_models.engine import Engine, EngineSettings
from online_models.tuning import Replay, Trial, Values, compared, search, tried
from streams.errors import SettingsError
from streams.evaluating.recording import read_recording, session_gap_minutes
from streams.model_settings import model_settings
from streams.settings import Settings

#: What is tried, by the name of the setting.
GRID: Final = {
    "step_weight": (0.1, 0.2, 0.3, 0.42, 0.5, 0.6, 0.7, 0.8),
    "damping": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
    "half_life_days": (1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0),
    "recent_items": (3, 5, 10, 15, 20, 30),
}
_FEWEST: Final = 20
_FEWEST_SHOPPERS: Final = 10
_MOST_MINUTES: Final = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell tune`."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="events to replay; several count the same")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="stop after so long (default: 10)")
    parser.add_argument("--events", type=int, metavar="N", help="only the last N events of each file")
    parser.add_argument(
        "--predictions", type=int, default=2_000, metavar="N", help="at most so many per file and trial (default: 2000)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Search, compare, print."""
    if not 0 < options.minutes <= _MOST_MINUTES or options.predictions < 1 or (options.events or 1) < 1:
        raise SettingsError(f"--minutes is up to {_MOST_MINUTES:,}, --events and --predictions are 1 at least.")
    current = Settings.load()
    replays = [_replay(path, current, options) for path in options.files]

    def settings(values: Values) -> EngineSettings:
        return model_settings(replace(current, **values))  # type: ignore[arg-type]

    Engine.warm_up()
    deadline = time.monotonic() + 60 * options.minutes
    with _bar(60 * options.minutes) as show:
        trials: list[Trial] = []

        def attempt(values: Values) -> Trial:
            told = " ".join(f"{name}={value:g}" for name, value in values.items())
            trials.append(tried(values, replays, settings, lambda: show(f"trial {len(trials) + 1}: {told}")))
            return trials[-1]

        first = attempt({name: getattr(current, name) for name in GRID})
        won = search(first, GRID, replays, attempt, lambda: time.monotonic() > deadline)
    report = _report(won, replays, trials, current.list_length, is_whole=time.monotonic() <= deadline)
    if options.json:
        print(msgspec.json.encode(report).decode())
    else:
        _print(report)
    return 0


def _replay(path: Path, settings: Settings, options: argparse.Namespace) -> Replay:
    events = list(read_recording(path))
    if options.events:
        events = events[-options.events :]
    gap = session_gap_minutes(path, settings.session_gap_minutes)
    replay = Replay.of(path.name, events, gap, options.predictions)
    if len(replay.asked) < _FEWEST:
        raise SettingsError(
            f"{path} has {len(replay.asked)} events to predict in its second half, too few to tell anything: "
            f"take a file in which shoppers move on to another item {_FEWEST} times or more."
        )
    shoppers = min(int(replay.shoppers(choosing=choosing).max()) + 1 for choosing in (True, False))
    if shoppers < _FEWEST_SHOPPERS:
        raise SettingsError(
            f"What is predicted in {path} is of {shoppers} shoppers in one of its parts, too few to tell chance from "
            f"gain: take a file with {_FEWEST_SHOPPERS} or more, and with a user id for each."
        )
    return replay


@contextmanager
def _bar(seconds: float) -> Iterator[Any]:
    """A bar over the time there is, with what is being tried."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=seconds)
        yield lambda text: bar.update(task, description=text, completed=min(time.monotonic() - began, seconds))


def _report(
    won: list[Trial], replays: list[Replay], trials: list[Trial], list_length: int, *, is_whole: bool
) -> dict[str, Any]:
    confirmed = compared(won[0], won[-1], replays, choosing=False)
    keep = confirmed.is_noise or len(won) == 1
    return {
        "current": dict(won[0].values),
        "best": dict(won[-1].values),
        "use": dict((won[0] if keep else won[-1]).values),
        "keep_current": keep,
        "chosen_by": asdict(compared(won[0], won[-1], replays, choosing=True)),
        "confirmed_by": asdict(confirmed),
        "steps": [dict(trial.values) for trial in won],
        "trials": [_of_trial(trial, won[0], replays) for trial in trials],
        "is_whole": is_whole,
        "list_length": list_length,
        "files": [_of_file(n, won, replay) for n, replay in enumerate(replays)],
    }


def _of_trial(trial: Trial, current: Trial, replays: list[Replay]) -> dict[str, Any]:
    """What was tried, and what it gains over the current settings by the predictions that choose."""
    step = compared(current, trial, replays, choosing=True)
    return {**trial.values, "gain": round(step.gain, 6), "standard_error": round(step.standard_error, 6)}


def _of_file(number: int, won: list[Trial], replay: Replay) -> dict[str, Any]:
    """What the best settings are worth on one file, by the predictions that confirm."""
    current, best = (replace(trial, scores=[trial.scores[number]]) for trial in (won[0], won[-1]))
    confirmed = compared(current, best, [replay], choosing=False)
    choosing = int(np.count_nonzero(replay.is_choosing))
    counts = {"choosing": choosing, "confirming": len(replay.asked) - choosing}
    return {"name": replay.name, "events": len(replay.events), "predictions": counts, **asdict(confirmed)}


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    k = report["list_length"]
    table = Table("on predictions that chose nothing", f"HR@{k}", f"MRR@{k}", "gain of HR + MRR ± standard error")
    for one in [*report["files"], {"name": "all files", **report["confirmed_by"]}]:
        (hr, mrr), (best_hr, best_mrr) = one["current"], one["best"]
        gain = f"{one['gain']:+.4f} ± {one['standard_error']:.4f}"
        table.add_row(one["name"], f"{hr:.4f} → {best_hr:.4f}", f"{mrr:.4f} → {best_mrr:.4f}", gain)
    console.print(table)
    console.print(f"{len(report['trials'])} trials; the search {'ended' if report['is_whole'] else 'ran out of time'}.")
    if report["best"] == report["current"]:
        console.print("No step gained more than chance does: keep the current settings.")
        return
    changed = {name: value for name, value in report["best"].items() if value != report["current"][name]}
    if report["keep_current"]:
        found = ", ".join(f"{name} = {value:g}" for name, value in changed.items())
        console.print(f"The best found ({found}) gains no more than chance may: keep the current settings.")
        return
    console.print(f"It gains {_certainty(**report['confirmed_by'])}; use")
    for name, value in changed.items():
        console.print(f"  UPWELL_{name.upper()}={value:g}")


def _certainty(gain: float, standard_error: float, **_: Any) -> str:
    """A gain, and how far it is from chance.

    >>> _certainty(0.01, 0.004)
    '0.0100, 2.5 standard errors'
    >>> _certainty(0.01, 0.0)
    '0.0100, by every shopper alike'
    """
    how = f"{gain / standard_error:.1f} standard errors" if standard_error else "by every shopper alike"
    return f"{gain:.4f}, {how}"
