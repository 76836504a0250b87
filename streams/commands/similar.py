"""Show what a front end would read for an item: the items most similar to it."""

from __future__ import annotations

import argparse

import msgspec
from rich.console import Console
from rich.table import Table

from streams.reading import open_redis, read
from streams.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell similar`."""
    parser.add_argument("item", metavar="ITEM", help="item id")
    parser.add_argument("--json", action="store_true", help="print the JSON value as it is in Redis, or null")


def run(options: argparse.Namespace) -> int:
    """Read and print; status 1 if nothing is known of the item."""
    settings = Settings.load()
    value = read(open_redis(settings).get, f"{settings.prefix}sim:{options.item}")
    if options.json:
        print(value or "null")
        return 0 if value else 1
    if not value:
        Console(stderr=True, emoji=False).print(f"Nothing is known of item {options.item}.", markup=False)
        return 1
    table = Table(title=f"Similar to {options.item}")
    for name in ("item", "score", "support"):
        table.add_column(name, justify="left" if name == "item" else "right")
    for entry in msgspec.json.decode(value)["items"]:
        table.add_row(entry["id"], f"{entry['score']:g}", str(entry["support"]))
    Console(emoji=False).print(table)
    return 0
