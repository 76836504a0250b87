"""Command line options that all load tests share."""

from __future__ import annotations

import argparse

from loadtest.shoppers import ShopperSettings
from loadtest.traffic import TrafficSettings


def add_shop_arguments(parser: argparse.ArgumentParser, shop: ShopperSettings | None = None) -> None:
    """What the shop is like unless somebody says otherwise, and how to print."""
    shop = shop or ShopperSettings()
    parser.add_argument("--seed", type=int, default=shop.seed, metavar="N", help=f"default: {shop.seed}")
    parser.add_argument("--users", type=int, default=shop.users, metavar="N", help=f"default: {shop.users}")
    parser.add_argument("--items", type=int, default=shop.items, metavar="N", help=f"default: {shop.items}")
    parser.add_argument(
        "--duplicates", type=float, default=0.01, metavar="SHARE", help="records sent a second time (default: 0.01)"
    )
    parser.add_argument(
        "--bad", type=float, default=0.01, metavar="SHARE", help="records that are no events (default: 0.01)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def traffic_settings(options: argparse.Namespace, records: int, run: str = "e") -> TrafficSettings:
    """The traffic that the options ask for."""
    return TrafficSettings(
        records=records,
        duplicate_share=options.duplicates,
        bad_share=options.bad,
        run=run,
        shop=ShopperSettings(seed=options.seed, users=options.users, items=options.items),
    )
