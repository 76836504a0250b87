"""How well it is known who will buy: propensity over a recording, test-then-learn, beside plain baselines."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from online_models.compiled import Floats
from online_models.learner import Learner
from online_models.probability_metrics import Bools, area_under_curve, brier_score, log_losses, reliability
from online_models.propensity import Propensity
from streams.errors import SettingsError
from streams.evaluating.online_shoppers import FEATURES, is_online_shoppers, read_online_shoppers
from streams.evaluating.plotting import check_picture
from streams.evaluating.reliability_diagram import plot_reliability
from streams.evaluating.session_examples import read_examples_with_last_events

#: How many orders a file without times is shuffled into, besides its own.
SHUFFLES: Final = 3


@dataclass(frozen=True)
class Row:
    """The quality of one way to predict, over all examples."""

    name: str
    auc: float | None
    log_loss: float
    brier_score: float
    calibration_error: float


def run(options: argparse.Namespace) -> int:
    """Predict, learn, print."""
    if options.plot:
        check_picture(options.plot)
    name, scores, bought = _measured(options.stream)
    upwell = next(iter(scores.values()))
    rows = [_row(label, bought[label], scores[label]) for label in scores]
    if options.plot:
        outcome = bought[next(iter(scores))]
        plot_reliability(options.plot, reliability(outcome, upwell), f"{name}: predicted and what happened")
    outcomes = next(iter(bought.values()))
    if options.json:
        facts = {"examples": len(outcomes), "base_rate": round(float(outcomes.mean()), 6)}
        print(json.dumps(facts | {"rows": [_rounded(row) for row in rows]}))
    else:
        _print(name, rows, outcomes)
    return 0


def running_rates(bought: Bools, kinds: Sequence[str]) -> Floats:
    """The share of buyers among the earlier examples of the same kind, as if there had been half a buyer in ten before.

    >>> running_rates(np.array([True, False, True]), ["view", "view", "cart"]).round(2).tolist()
    [0.05, 0.14, 0.05]
    """
    buyers: dict[str, float] = {}
    all_of: dict[str, float] = {}
    rates = np.zeros(len(bought))
    for place, (kind, outcome) in enumerate(zip(kinds, bought.tolist(), strict=True)):
        rates[place] = buyers.get(kind, 0.5) / all_of.get(kind, 10.0)
        buyers[kind] = buyers.get(kind, 0.5) + outcome
        all_of[kind] = all_of.get(kind, 10.0) + 1.0
    return rates


def _measured(path: Path) -> tuple[str, dict[str, Floats], dict[str, Bools]]:
    """Title, scores of every contender, and the outcomes in the order in which each had them."""
    return _of_sessions(path) if is_online_shoppers(path) else _of_events(path)


def _of_events(path: Path) -> tuple[str, dict[str, Floats], dict[str, Bools]]:
    examples, last_events = read_examples_with_last_events(path)
    told = examples.bought >= 0
    bought = examples.bought[told] > 0
    if not bought.any():
        raise SettingsError(f"{path} has no session that ends in a purchase; name a recording that does")
    learner = Learner(window=max(5_000, len(examples)))
    kinds = [kind for kind, known in zip(last_events, told.tolist(), strict=True) if known]
    learner.learn_many(examples.features, examples.bought, examples.profile, examples.known_at)
    scores: Floats = learner.state()["quality"]["scores"][: learner.examples]
    contenders = {
        "upwell": scores,
        "last event": running_rates(bought, kinds),
        "base rate": running_rates(bought, ["any"] * len(bought)),
    }
    return f"{path.name}, will this session buy", contenders, dict.fromkeys(contenders, bought)


def _of_sessions(path: Path) -> tuple[str, dict[str, Floats], dict[str, Bools]]:
    rows, bought = read_online_shoppers(path)
    if not bought.any():
        raise SettingsError(f"{path} has no session that bought; fetch it again")
    orders = {"upwell, file order": np.arange(len(rows))}
    for seed in range(SHUFFLES):
        orders[f"upwell, shuffled {seed}"] = np.random.default_rng(seed).permutation(len(rows))
    scores = {
        name: Propensity(FEATURES).predict_learn_many(rows[order], bought[order]) for name, order in orders.items()
    }
    outcomes = {name: bought[order] for name, order in orders.items()}
    scores["base rate"], outcomes["base rate"] = running_rates(bought, ["any"] * len(bought)), bought
    return f"{path.name}, did this session buy", scores, outcomes


def _row(name: str, bought: Bools, scores: Floats) -> Row:
    return Row(
        name=name,
        auc=area_under_curve(bought, scores),
        log_loss=float(log_losses(bought, scores).mean()),
        brier_score=brier_score(bought, scores),
        calibration_error=reliability(bought, scores).error,
    )


def _rounded(row: Row) -> dict[str, object]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(row).items()}


def _print(title: str, rows: Sequence[Row], bought: Bools) -> None:
    table = Table(title=title)
    table.add_column("")
    for name in ("AUC", "log loss", "Brier", "calibration error"):
        table.add_column(name, justify="right")
    for row in rows:
        figures = (row.auc, row.log_loss, row.brier_score, row.calibration_error)
        table.add_row(row.name, *("" if figure is None else f"{figure:.4f}" for figure in figures))
    console = Console()
    console.print(table)
    console.print(
        f"{len(bought):,} sessions, {bought.mean():.1%} bought; each was predicted before it was learned. "
        "Calibration error: ten bins of equal numbers."
    )
