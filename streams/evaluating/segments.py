"""How tight the segments are: inertia of streaming K-means over a recording, beside batch K-means and other streams."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from online_models.compiled import Floats
from online_models.features import PROFILE_FEATURES, standardise
from online_models.k_means import spread
from streams.errors import SettingsError
from streams.evaluating.online_shoppers import AMOUNTS, is_online_shoppers, read_online_shoppers
from streams.evaluating.plotting import check_picture, new_figure
from streams.evaluating.session_examples import read_examples
from streams.evaluating.streaming_k_means import BLOCK, Contender, batch_centers, contenders, scikit_learn

SEEDS: Final = 3
_MEASURES: Final = ("test_then_learn", "all", "last_half")
_TITLES: Final = ("test-then-learn", "final centres, all", "final centres, last half")


@dataclass(frozen=True)
class Run:
    """Inertia of one contender over one order, each divided by that of batch K-means on the same vectors.

    Attributes
    ----------
    test_then_learn
        Each block measured with the centres before it was learned, from the second on; batch K-means knew them all.
    all, last_half
        With the centres at the end, over all vectors, and over the last half, on which batch K-means is fitted anew.
    blocks
        Mean squared distance in each block, test-then-learn, for the picture.
    """

    test_then_learn: float
    all: float
    last_half: float
    blocks: tuple[float, ...]


def run(options: argparse.Namespace) -> int:
    """Cluster, compare, print."""
    if options.plot:
        check_picture(options.plot)
    scikit_learn()
    vectors, features = read_vectors(options.stream)
    if len(vectors) < 2 * BLOCK:
        raise SettingsError(
            f"{options.stream} has {len(vectors)} sessions that are over, and segments take {2 * BLOCK}; "
            "name a longer recording"
        )
    orders = {"as recorded": [vectors] * SEEDS}
    orders["shuffled"] = [vectors[np.random.default_rng(seed).permutation(len(vectors))] for seed in range(SEEDS)]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("clustering", total=len(orders) * SEEDS)
        runs: dict[str, list[dict[str, Run]]] = {order: [] for order in orders}
        for order, several in orders.items():
            for seed, ordered in enumerate(several):
                runs[order].append(compared(ordered, features, seed))
                progress.advance(task)
    if options.plot:
        _plot(options.plot, runs["as recorded"][0], options.stream.name)
    if options.json:
        print(json.dumps({"vectors": len(vectors), "orders": {order: _figures(runs[order]) for order in runs}}))
    else:
        _print(options.stream.name, len(vectors), runs)
    return 0


def read_vectors(path: Path) -> tuple[Floats, tuple[str, ...]]:
    """What describes each session: the customer at its end, or the amounts of the Online Shoppers; and their names."""
    if is_online_shoppers(path):
        rows, _ = read_online_shoppers(path)
        return rows[:, : len(AMOUNTS)], AMOUNTS
    return read_examples(path).profile.astype(np.float64), PROFILE_FEATURES


def compared(vectors: Floats, features: Sequence[str], seed: int) -> dict[str, Run]:
    """Run every contender over the vectors in their order."""
    means, scales = vectors.mean(axis=0), vectors.std(axis=0)
    points = standardise(vectors, means, scales)
    half = points[len(points) // 2 :]
    batch = batch_centers(points)
    known = spread(points[BLOCK:], batch), spread(points, batch), spread(half, batch_centers(half))
    found = {}
    for name, make in contenders(features, means, scales).items():
        blocks, centers = _streamed(make, seed, vectors, points)
        inertia = sum(blocks), spread(points, centers), spread(half, centers)
        ratios = [ours / best for ours, best in zip(inertia, known, strict=True)]
        sizes = [min(BLOCK, len(points) - start) for start in range(BLOCK, len(points), BLOCK)]
        found[name] = Run(ratios[0], ratios[1], ratios[2], tuple(b / n for b, n in zip(blocks, sizes, strict=True)))
    return found


def _streamed(
    make: Callable[[int], Contender], seed: int, vectors: Floats, points: Floats
) -> tuple[list[float], Floats]:
    """Inertia of every block but the first before it was learned, and the centres at the end."""
    contender = make(seed)
    contender.learn_many(vectors[:BLOCK], points[:BLOCK])
    blocks = []
    for start in range(BLOCK, len(points), BLOCK):
        block = slice(start, start + BLOCK)
        blocks.append(spread(points[block], contender.centers()))
        contender.learn_many(vectors[block], points[block])
    return blocks, contender.centers()


def _figures(runs: Sequence[dict[str, Run]]) -> dict[str, Any]:
    return {
        name: {measure: [round(getattr(run[name], measure), 4) for run in runs] for measure in _MEASURES}
        for name in runs[0]
    }


def _print(title: str, count: int, orders: dict[str, list[dict[str, Run]]]) -> None:
    console = Console()
    for order, runs in orders.items():
        table = Table(title=f"{title}, {order}: inertia / inertia of batch K-means, mean (worst) of {len(runs)} runs")
        table.add_column("")
        for measure in _TITLES:
            table.add_column(measure, justify="right")
        for name in runs[0]:
            figures = [[getattr(run[name], measure) for run in runs] for measure in _MEASURES]
            table.add_row(name, *(f"{np.mean(several):.3f} ({max(several):.3f})" for several in figures))
        console.print(table)
    console.print(
        f"{count:,} vectors, blocks of {BLOCK}. Batch K-means: scikit-learn's KMeans, n_init 10, on the same."
    )


def _plot(path: Path, runs: dict[str, Run], title: str) -> None:
    figure, axes = new_figure()
    for name, run in runs.items():
        axes.plot(
            np.arange(1, len(run.blocks) + 1) * BLOCK,
            run.blocks,
            linewidth=2.4 if name == "upwell" else 1.2,
            label=f"{name} ({run.test_then_learn:.2f} of batch)",
        )
    axes.set_title(title)
    axes.set_xlabel("sessions learned before")
    axes.set_ylabel(f"mean squared distance to the centre, next {BLOCK}")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
