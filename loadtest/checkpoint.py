"""What a checkpoint costs: how long folds stand still, its size, and how long it takes to write and to load."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from rich.console import Console

from loadtest.machine import machine
from loadtest.options import add_shop_arguments
from loadtest.progress_bar import progress_bar
from loadtest.shoppers import Shoppers as SyntheticShoppers
from loadtest.shoppers import ShopperSettings
from online_models import shoppers_state
from online_models.events import EVENT_TYPES, Event
from online_models.shoppers import Shoppers
from online_models.shoppers_state import FrozenShoppers
from online_models.spare import Spare
from online_models.vocabulary import Vocabulary
from streams.checkpoints.format import Checkpoint
from streams.checkpoints.store import CheckpointStore

_PORTION = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `checkpoint`."""
    parser.add_argument("--events", type=int, default=1_000_000, metavar="N", help="folded before (default: 1000000)")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="of which the median is told (default: 5)")
    add_shop_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Fold, then measure one partition that holds all these shoppers."""
    report = measure(options.events, options.repeat, ShopperSettings(options.seed, options.users, options.items))
    if options.json:
        print(msgspec.json.encode(report).decode())
    else:
        console = Console(highlight=False)
        for name, value in report.items():
            console.print(f"{name:>22}  {value}")
    return 0


def measure(events: int, repeat: int, shop: ShopperSettings) -> dict[str, Any]:
    """Medians of a few rounds: copy, pack and write, load and bring back to life."""
    shoppers = _folded(events, shop)
    with tempfile.TemporaryDirectory(prefix="upwell-checkpoint-") as directory:
        store = CheckpointStore(directory, "loadtest")
        spare = Spare()
        rounds = [_round(shoppers, store, spare) for _ in range(repeat + 1)][1:]  # the first one gets the memory
    names = ("pause_ms", "write_seconds", "load_seconds", "size_bytes")
    medians = {name: round(statistics.median(one[n] for one in rounds), 3) for n, name in enumerate(names)}
    return {
        "users": len(shoppers),
        "events": events,
        **medians,
        "bytes_per_user": round(medians["size_bytes"] / len(shoppers), 1),
        "longest_pause_ms": round(max(one[0] for one in rounds), 3),
        "machine": machine(),
    }


def _round(shoppers: Shoppers, store: CheckpointStore, spare: Spare) -> tuple[float, float, float, float]:
    frozen, pause = _timed(lambda: FrozenShoppers.of(shoppers, spare))
    size, wrote = _timed(lambda: store.save(Checkpoint("shoppers", 0, {"clickstream": 1}, {}, 0, 1, frozen.state())))

    def load() -> Shoppers:
        checkpoint = store.newest("shoppers", 0, lambda _: None)
        assert checkpoint
        return shoppers_state.restored(checkpoint.state, Vocabulary(), shoppers.settings)

    _, loaded = _timed(load)
    return 1000 * pause, wrote, loaded, size


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    result = action()
    return result, time.perf_counter() - began


def _folded(events: int, shop: ShopperSettings) -> Shoppers:
    visits = SyntheticShoppers(shop).visits(events)
    shoppers = Shoppers(Vocabulary())
    with progress_bar("folding", events) as show:
        for start in range(0, len(visits), _PORTION):
            part = slice(start, start + _PORTION)
            columns = (visits.user[part], visits.item[part], visits.type[part], visits.ts[part])
            rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
            shoppers.fold(
                [
                    Event(f"e{n}", EVENT_TYPES[kind], f"u{user}", f"i{item}", ts)
                    for n, (user, item, kind, ts) in enumerate(rows, start)
                ]
            )
            show(start)
    return shoppers
