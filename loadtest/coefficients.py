"""Measure what `upwell size` reckons with, on this machine; `--check` tells how well it then foretells another run."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from loadtest import checkpoint
from loadtest.clean_slate import refuse_occupied
from loadtest.machine import machine
from loadtest.memory import BASE, ITEM, MORE_ITEMS, NEITHER, USER, Part, Shops, figures, measure_shops, parts
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.progress_bar import progress_bar
from loadtest.shop_size import ShopSize, measure_shop
from loadtest.shoppers import ShopperSettings
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic, TrafficSettings
from online_models.shoppers import ShopperSettings as ModelSettings
from streams.capacity import Coefficients, Demand, Timing, plan
from streams.errors import EngineError
from streams.settings import Settings

#: Event ids: see `online_models.duplicates.RecentIds`, whose memory grows up to this.
_BYTES_PER_REMEMBERED_ID: Final = 32
_EVENT_IDS: Final = ".recent_ids."
_TIMES: Final = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coefficients`."""
    parser.add_argument("--events", type=int, default=600_000, metavar="N", help="records in each run")
    parser.add_argument("--check", action="store_true", help="one more run, compared with what `upwell size` says")
    add_shop_arguments(parser, ShopperSettings(users=25_000, items=5_000))


def run(options: argparse.Namespace) -> int:
    """Measure and print; what is printed with --json is what `upwell size --coefficients` takes."""
    base = traffic_settings(options, options.events)
    report = measure(base)
    if options.check:
        report["check"] = check(base, report["coefficients"])
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0


def measure(base: TrafficSettings) -> dict[str, Any]:
    """Three live runs as `memory` makes them, and a checkpoint as `checkpoint` does."""
    before = machine()
    shops = measure_shops(base, _TIMES)
    written = checkpoint.measure(base.records, 3, base.shop)
    return {
        "coefficients": composed(shops, written["size_bytes"] / written["load_seconds"]),
        "checkpoint": written,
        "traffic": asdict(base),
        "machine": before,
        "versions": shops[BASE].versions,
    }


def composed(shops: Shops, load_bytes_per_second: float) -> Coefficients:
    """Coefficients of the runs that `memory` makes."""
    base, found, sums = shops[BASE], parts(shops), figures(shops)
    cpu = base.drained.cpu_us_per_event
    if cpu is None:
        raise EngineError("The events were gone at the first look: take more --events.")
    remembered = sum(part.base_bytes for part in found if part.grows_with == NEITHER)
    state = _sum(found, USER, "") * base.users + _sum(found, ITEM, "") * base.items + remembered
    owned = _sum(found, ITEM, "affinity.")
    return Coefficients(
        cpu_us_per_event=round(cpu, 2),
        start_seconds=round(shops[MORE_ITEMS].drained.start_up_seconds, 2),
        worker_fixed_bytes=round(max(base.held.resident - state, 0.0)),
        worker_partition_bytes=_BYTES_PER_REMEMBERED_ID * ModelSettings().duplicate_window,
        worker_user_bytes=_sum(found, USER, ""),
        worker_item_bytes=owned,
        worker_known_item_bytes=round(_sum(found, ITEM, "") - owned, 1),
        redis_user_bytes=sums["redis_per_user"],
        redis_item_bytes=sums["redis_per_item"],
        checkpoint_user_bytes=sums["checkpoint_per_user"],
        checkpoint_item_bytes=sums["checkpoint_per_item"],
        checkpoint_load_bytes_per_second=round(load_bytes_per_second),
        internal_bytes_per_event=round(sum(sent.bytes for sent in base.sent.values()) / base.events, 1),
    )


def check(base: TrafficSettings, found: Coefficients) -> list[dict[str, Any]]:
    """Twice as many users and items as the base: what `upwell size` says of one worker, and what there is."""
    shop = replace(base.shop, users=2 * base.shop.users, items=2 * base.shop.items)
    with tempfile.TemporaryDirectory(prefix="upwell-check-") as name, surroundings(Path(name)) as variables:
        refuse_occupied(Settings.load(variables))
        with progress_bar("check", base.records) as show:
            measured = measure_shop(Traffic(replace(base, shop=shop)), variables, Path(name, "check"), show)
    return compared(measured, found)


def compared(measured: ShopSize, found: Coefficients) -> list[dict[str, Any]]:
    """Foretold and measured; of the remembered event ids, those that the run really had."""
    settings = Settings()
    ids = sum(size for name, size in measured.held.parts.items() if _EVENT_IDS in name)
    exact = msgspec.structs.replace(found, worker_partition_bytes=ids / settings.partitions)
    need = plan(
        Demand(1.0, measured.users, measured.items),
        exact,
        Timing(settings.session_seconds, settings.checkpoint_seconds),
    )
    rows = {
        "worker_bytes": (need.worker_bytes, measured.held.resident),
        "redis_bytes": (need.redis_bytes, measured.redis.total),
        "checkpoint_bytes": (need.checkpoint_bytes, sum(measured.checkpoints.values())),
    }
    return [
        {"what": what, "foretold": foretold, "measured": real, "ratio": round(foretold / real, 3)}
        for what, (foretold, real) in rows.items()
    ]


def _sum(found: list[Part], kind: str, start: str) -> float:
    own = (part for part in found if part.grows_with == kind and part.name.startswith(start))
    return round(sum(part.bytes_each or 0.0 for part in own), 1)


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    for name, value in msgspec.structs.asdict(report["coefficients"]).items():
        console.print(f"{name:>34}  {value:,}")
    if "check" in report:
        table = Table(title="A shop twice as large in both")
        for name in ("", "foretold", "measured", "ratio"):
            table.add_column(name, justify="right" if name else "left")
        for row in report["check"]:
            table.add_row(row["what"], f"{row['foretold']:,}", f"{row['measured']:,}", f"{row['ratio']:.2f}")
        console.print(table)
    console.print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores; {report['versions']}", markup=False)
