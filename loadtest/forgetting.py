"""How fast do lists follow when the taste of all shoppers changes? Half-lives compared on a stream with a known truth.

The engine learns a synthetic stream offline. Half way every item moves to another cluster of taste, at once. Lists are
looked at all along: how often the next item is in them, and how many entries go with the item looked at as the taste
is now. Decay by arrival is shown beside decay by event time, as a backlog drained in one burst would see it.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import platform
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from loadtest.changed_taste import ChangedTaste, changed_taste
from loadtest.machine import machine
from loadtest.progress_bar import progress_bar
from loadtest.shoppers import ShopperSettings
from online_models.compiled import Floats, Int32s
from online_models.engine import Engine, EngineSettings
from online_models.event_time import DAY_MS
from online_models.increments import Increments
from online_models.similarity import ItemSimilarity, SimilaritySettings
from streams.evaluating.plotting import check_picture

#: A list is looked at after one event in so many.
_EVERY: Final = 10
#: Ends of the windows after the change for which figures are told, in days.
_WINDOWS: Final = (0.25, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
#: A figure has recovered at the first of these steps, in days, from which on it holds over the time after it.
_STEP_DAYS: Final = 0.25
_HOLDS_DAYS: Final = 2.0
_BACK: Final = (0.5, 0.9)


@dataclass(frozen=True)
class Lists:
    """What was seen of the lists, one place per list: event time, hit or miss, and shares of its entries that go with
    the item looked at, as the taste was and as it became."""

    ts: np.ndarray
    hit: Floats
    old: Floats
    new: Floats
    digest: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `forgetting`."""
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--events", type=int, default=300_000, metavar="N", help="half of them after (default: 300000)")
    parser.add_argument("--days", type=float, default=80.0, metavar="D", help="the stream takes (default: 80)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the shares over time, as .png or .svg")


def run(options: argparse.Namespace) -> int:
    """Learn the stream once per half-life, and tell."""
    if options.plot:
        check_picture(options.plot)
    shop = ShopperSettings(
        seed=options.seed,
        users=5_000,
        items=2_000,
        clusters=20,
        events_per_second=options.events / (options.days * DAY_MS / 1000),
    )
    report, curves = measure(changed_taste(shop, options.events, _EVERY))
    report |= {"shop": msgspec.to_builtins(shop), "days": options.days, "events": options.events}
    if options.plot:
        _plot(curves, options.plot)
    if options.json:
        print(msgspec.json.encode(report).decode())
    else:
        _print(report)
    return 0 if report["same_lists_at_another_pace"] else 1


def measure(stream: ChangedTaste) -> tuple[dict[str, Any], dict[str, list[tuple[float, float]]]]:
    """The report, and per variant the share of entries in the taste of the day over days since the change."""
    usual = SimilaritySettings()
    half_lives = sorted({1.0, 7.0, usual.half_life_days, math.inf})
    variants = {_name(days, usual): partial(engine_with, days) for days in half_lives}
    variants["by arrival, in a burst"] = partial(decaying_by_arrival, usual.half_life_days)
    found = {}
    for name, engine in variants.items():
        found[name] = look(engine(), stream, name)
    again = look(engine_with(usual.half_life_days), stream, "one event at a time", one_at_a_time=True)
    report = {
        "variants": {name: _figures(lists, stream.changed_at) for name, lists in found.items()},
        "lists": len(stream.asked),
        "same_lists_at_another_pace": again.digest == found[_name(usual.half_life_days, usual)].digest,
        "machine": machine(),
        "versions": {"python": platform.python_version(), "numpy": version("numpy"), "numba": version("numba")},
    }
    return report, {name: _curve(lists, stream.changed_at) for name, lists in found.items()}


def look(engine: Engine, stream: ChangedTaste, name: str, *, one_at_a_time: bool = False) -> Lists:
    """Let an engine learn the stream, and look at a list after every event that is `asked`."""
    ts, hit, old, new = (np.zeros(len(stream.asked)) for _ in range(4))
    digest, learned = hashlib.sha256(), 0
    with progress_bar(name, len(stream.asked)) as show:
        for n, (place, following) in enumerate(zip(stream.asked.tolist(), stream.following.tolist(), strict=True)):
            portion = 1 if one_at_a_time else place + 1 - learned
            for start in range(learned, place + 1, portion):
                engine.learn_many(stream.events[start : start + portion])
            learned = place + 1
            event = stream.events[place]
            entries = engine.recommend_one(event.user_id)
            digest.update(repr(entries).encode())
            ts[n], hit[n] = event.ts, stream.events[following].item_id in {item for item, _, _ in entries}
            others = np.array([int(item[1:]) for item, _, because in entries if because != item], np.int64)
            looked_at = int(event.item_id[1:])
            old[n], new[n] = _share(stream.old, looked_at, others), _share(stream.new, looked_at, others)
            show(n)
    return Lists(ts, hit, old, new, digest.hexdigest())


def _share(cluster: Int32s, item: int, others: np.ndarray) -> float:
    return float((cluster[others] == cluster[item]).mean()) if len(others) else 0.0


class _AllAtOnce(ItemSimilarity):
    """What decay by arrival makes of a backlog: all of it has arrived just now."""

    def learn_many(self, increments: Increments) -> Int32s:
        return super().learn_many(replace(increments, ts=np.zeros_like(increments.ts)))


def engine_with(half_life_days: float) -> Engine:
    """The engine with the defaults but for one."""
    return Engine(EngineSettings(similarity=SimilaritySettings(half_life_days=half_life_days)))


def decaying_by_arrival(half_life_days: float) -> Engine:
    """The same, if a co-visit aged from when it arrived and everything had arrived just now."""
    engine = engine_with(half_life_days)
    engine.similarity = [_AllAtOnce(engine.items, engine.settings.similarity) for _ in engine.similarity]
    return engine


def _name(days: float, usual: SimilaritySettings) -> str:
    name = "no decay" if math.isinf(days) else f"{days:g} day{'s' * (days != 1)}"
    return f"{name} (default)" if days == usual.half_life_days else name


def _figures(lists: Lists, changed_at: int) -> dict[str, Any]:
    days = (lists.ts - changed_at) / DAY_MS
    before = (days < 0) & (days > days[0] / 4)
    windows = [(days >= start) & (days < end) for start, end in zip((0.0, *_WINDOWS), _WINDOWS, strict=False)]
    return {
        "hit_rate": {"before": _mean(lists.hit, before), "after": [_mean(lists.hit, window) for window in windows]},
        "new_taste": {"before": _mean(lists.old, before), "after": [_mean(lists.new, window) for window in windows]},
        "days_to_recover": {
            name: {f"{share:.0%}": _days_until(share * _mean(was, before), now, days) for share in _BACK}
            for name, was, now in (("hit_rate", lists.hit, lists.hit), ("new_taste", lists.old, lists.new))
        },
    }


def _mean(values: Floats, places: np.ndarray) -> float:
    return round(float(values[places].mean()), 4) if places.any() else math.nan


def _days_until(level: float, values: Floats, days: Floats) -> float | None:
    """When after the change the mean over the next two days first reaches a level; None if it never does."""
    for start in np.arange(0.0, days[-1] - _HOLDS_DAYS, _STEP_DAYS):
        stretch = (days >= start) & (days < start + _HOLDS_DAYS)
        if stretch.any() and values[stretch].mean() >= level:
            return round(float(start), 2)
    return None


def _curve(lists: Lists, changed_at: int) -> list[tuple[float, float]]:
    days = (lists.ts - changed_at) / DAY_MS
    in_taste, stretch = np.where(days < 0, lists.old, lists.new), np.floor(2 * days)
    return [(float(half + 0.5) / 2, float(in_taste[stretch == half].mean())) for half in np.unique(stretch)[1:-1]]


def _plot(curves: dict[str, list[tuple[float, float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4), layout="constrained")
    panel = figure.add_subplot()
    for name, curve in curves.items():
        panel.plot(*zip(*curve, strict=True), label=name)
    panel.axvline(0.0, color="black", linewidth=0.5)
    panel.set(xlabel="days since the change", ylabel="entries in the taste as it is", ylim=(0, 1))
    panel.legend(title="half-life")
    figure.savefig(path, dpi=150)


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    headings = {"hit_rate": "Hit rate @20", "new_taste": "Share of entries in the taste as it is"}
    for measured, heading in headings.items():
        table = Table("half-life", title=heading, title_justify="left", box=None)
        for column in ("before", *(f"{end:g} d" for end in _WINDOWS)):
            table.add_column(column, justify="right", no_wrap=True)
        for share in _BACK:
            table.add_column(f"{share:.0%} back", justify="right", no_wrap=True)
        for name, figures in report["variants"].items():
            back = figures["days_to_recover"][measured].values()
            shares = [figures[measured]["before"], *figures[measured]["after"]]
            table.add_row(name, *(_three_digits(share) for share in shares), *(_days(day) for day in back))
        console.print(table)
    same = "the same, bit for bit" if report["same_lists_at_another_pace"] else "NOT the same"
    console.print(f"{report['lists']:,} lists; learned at another pace, one event at a time, they are {same}.")


def _three_digits(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.3f}".lstrip("0")


def _days(days: float | None) -> str:
    return "-" if days is None else f"{days:g} d"
