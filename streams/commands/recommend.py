"""Show what a front end would read for a shopper: recommendations, segment, propensity, counters."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from streams.reading import open_redis, read
from streams.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell recommend`."""
    parser.add_argument("user", metavar="USER", help="user id")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Read and print; status 1 if nothing is known of the shopper."""
    settings = Settings.load()
    redis = open_redis(settings)
    value = read(redis.get, f"{settings.prefix}rec:{options.user}")
    profile = read(redis.hgetall, f"{settings.prefix}user:{options.user}")
    if options.json:
        print(msgspec.json.encode({"rec": msgspec.json.decode(value) if value else None, "user": profile}).decode())
    elif value:
        _print(options.user, msgspec.json.decode(value), profile)
    else:
        Console(stderr=True, emoji=False).print(f"Nothing is known of shopper {options.user}.", markup=False)
    return 0 if value else 1


def _print(user: str, rec: Any, profile: dict[str, str]) -> None:
    table = Table(title=f"For {user} ({rec['source']})")
    for name in ("item", "score", "because"):
        table.add_column(name)
    for entry in rec["items"]:
        table.add_row(entry["id"], f"{entry['score']:g}", entry["because"] or "")
    console = Console(emoji=False)
    console.print(table)
    console.print("  ".join(f"{name} {value}" for name, value in profile.items()), markup=False, soft_wrap=True)
