"""What does one more user cost, and one more item: in the worker, part by part, in Redis, and in checkpoints?"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from loadtest.clean_slate import refuse_occupied
from loadtest.machine import machine
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.progress_bar import progress_bar
from loadtest.shop_size import ShopSize, measure_shop
from loadtest.shoppers import ShopperSettings
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic, TrafficSettings
from streams.errors import SettingsError
from streams.settings import Settings
from streams.warm_up import warm_up

BASE, MORE_USERS, MORE_ITEMS = "base", "more users", "more items"
USER, ITEM, NEITHER = "user", "item", "neither"
#: A part belongs to users if it grows with their number at least so much of what it would grow in proportion.
_SHARE: Final = 0.25
#: Bytes; the first two for a worker's state, the others for Redis.
GOALS: Final = {"worker_per_user": 500, "worker_per_item": 3072, "redis_per_user": 1229, "redis_per_item": 2048}
_SMALL_PART: Final = 0.002

Shops = Mapping[str, ShopSize]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `memory`."""
    parser.add_argument("--events", type=int, default=600_000, metavar="N", help="records in each run")
    parser.add_argument(
        "--times", type=int, default=4, metavar="N", help="how many times as many users, or items, there are next"
    )
    add_shop_arguments(parser, ShopperSettings(users=25_000, items=5_000))


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    if options.times < 2:
        raise SettingsError("--times has to be at least 2: without a larger shop there is nothing to compare with.")
    report = measure(traffic_settings(options, options.events), options.times)
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0


def measure(base: TrafficSettings, times: int) -> dict[str, Any]:
    """Three live runs with as many events: a shop, one with more users, one with more items."""
    before = machine()
    shops = measure_shops(base, times)
    return {
        **figures(shops),
        "goals": GOALS,
        "parts": [asdict(part) for part in parts(shops)],
        "runs": {name: _run(shop) for name, shop in shops.items()},
        "traffic": asdict(base),
        "times": times,
        "machine": before,
        "versions": shops[BASE].versions,
    }


def measure_shops(base: TrafficSettings, times: int) -> dict[str, ShopSize]:
    """The three runs."""
    shop = base.shop
    sizes = {
        BASE: base,
        MORE_USERS: replace(base, shop=replace(shop, users=times * shop.users)),
        MORE_ITEMS: replace(base, shop=replace(shop, items=times * shop.items)),
    }
    warm_up()  # else the first worker would compile its kernels, and keep the memory that took
    shops = {}
    with tempfile.TemporaryDirectory(prefix="upwell-memory-") as name, surroundings(Path(name)) as variables:
        refuse_occupied(Settings.load(variables))
        for kind, settings in sizes.items():
            with progress_bar(kind, settings.records) as show:
                folder = Path(name, kind.replace(" ", "-"))
                shops[kind] = measure_shop(Traffic(settings), variables, folder, show)
    return shops


@dataclass(frozen=True)
class Part:
    """One part of a worker's state: what it grows with, bytes in the base shop, and bytes for each of those."""

    name: str
    grows_with: str
    base_bytes: int
    bytes_each: float | None


def parts(shops: Shops) -> list[Part]:
    """All parts, the largest of the base shop first."""
    base, users, items = (shops[name].held.parts for name in (BASE, MORE_USERS, MORE_ITEMS))
    more_users = shops[MORE_USERS].users / shops[BASE].users - 1
    more_items = shops[MORE_ITEMS].items / shops[BASE].items - 1
    found = []
    for name, held in base.items():
        with_users = (users.get(name, 0) / held - 1) / more_users
        with_items = (items.get(name, 0) / held - 1) / more_items
        if max(with_users, with_items) < _SHARE:
            found.append(Part(name, NEITHER, held, None))
        elif with_users >= with_items:
            found.append(Part(name, USER, held, round(users[name] / shops[MORE_USERS].users, 1)))
        else:
            found.append(Part(name, ITEM, held, round(items[name] / shops[MORE_ITEMS].items, 1)))
    return found


def figures(shops: Shops) -> dict[str, Any]:
    """The sums, and as a check on them what the totals grow by from run to run."""
    found = parts(shops)
    each = {
        kind: round(sum(part.bytes_each or 0.0 for part in found if part.grows_with == kind), 1)
        for kind in (USER, ITEM)
    }
    per_key = {kind: shop.redis.per_key[kind] for kind, shop in _largest(shops).items()}
    return {
        "worker_per_user": each[USER],
        "worker_per_item": each[ITEM],
        "worker_of_neither": sum(part.base_bytes for part in found if part.grows_with == NEITHER),
        "redis_per_user": round(per_key["rec:"] + per_key["user:"], 1),
        "redis_per_item": per_key["sim:"],
        "redis_per_key": per_key,
        "checkpoint_per_user": round(shops[MORE_USERS].checkpoints["shoppers"] / shops[MORE_USERS].users, 1),
        "checkpoint_per_item": round(shops[MORE_ITEMS].checkpoints["affinity"] / shops[MORE_ITEMS].items, 1),
        "resident_growth": _growth(shops, {name: shop.held.resident for name, shop in shops.items()}),
        "redis_growth": _growth(shops, {name: shop.redis.total for name, shop in shops.items()}),
    }


def _largest(shops: Shops) -> dict[str, ShopSize]:
    """Where each kind of key is measured: in the shop that has most of them."""
    return {"rec:": shops[MORE_USERS], "user:": shops[MORE_USERS], "sim:": shops[MORE_ITEMS]}


def _growth(shops: Shops, totals: Mapping[str, int]) -> dict[str, float]:
    """Bytes in all that one more user, and one more item, came with."""
    return {
        "per_user": round((totals[MORE_USERS] - totals[BASE]) / (shops[MORE_USERS].users - shops[BASE].users), 1),
        "per_item": round((totals[MORE_ITEMS] - totals[BASE]) / (shops[MORE_ITEMS].items - shops[BASE].items), 1),
    }


def _run(shop: ShopSize) -> dict[str, Any]:
    cpu = shop.drained.cpu_us_per_event
    return {
        "users": shop.users,
        "items": shop.items,
        "worker_cpu_us_per_event": None if cpu is None else round(cpu, 2),
        "resident_bytes": shop.held.resident,
        "state_bytes": sum(shop.held.parts.values()),
        "redis_bytes": shop.redis.total,
        "redis_keys": shop.redis.keys,
        "checkpoint_bytes": shop.checkpoints,
    }


def _print(report: dict[str, Any]) -> None:
    console = Console(highlight=False)
    table = Table(title="Worker state, bytes")
    for name in ("part", "grows with", "in the base shop", "each"):
        table.add_column(name, justify="left" if name in ("part", "grows with") else "right", overflow="fold")
    state = report["runs"][BASE]["state_bytes"]
    for part in report["parts"]:
        if part["base_bytes"] > _SMALL_PART * state:
            each = "" if part["bytes_each"] is None else f"{part['bytes_each']:,.0f}"
            table.add_row(part["name"], part["grows_with"], f"{part['base_bytes']:,}", each)
    console.print(table)
    for name, goal in report["goals"].items():
        mark = "ok  " if report[name] <= goal else "OVER"
        console.print(f"{mark} {name.replace('_', ' ')}: {report[name]:,.0f} bytes, goal {goal:,}")
    console.print(
        f"checkpoint: {report['checkpoint_per_user']:,.0f} bytes per user, {report['checkpoint_per_item']:,.0f} per "
        f"item; worker state that grows with neither: {report['worker_of_neither'] / 2**20:,.0f} MiB"
    )
    for what in ("resident", "redis"):
        growth = report[f"{what}_growth"]
        console.print(
            f"{what} memory grew by {growth['per_user']:,.0f} bytes per user, {growth['per_item']:,.0f} per item"
        )
    console.print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores; {report['versions']}", markup=False)
