"""Do the recommendations hit the hidden tastes? The one thing synthetic shoppers can tell about quality."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np

from loadtest.traffic import Traffic
from streams.reading import open_redis, read
from streams.settings import Settings

_SHOPPERS: Final = 2_000
_TOP: Final = 10


def share_in_taste(traffic: Traffic, settings: Settings) -> float | None:
    """Of the first ten items in personal lists, the share that is in a cluster its shopper likes.

    A random sample of shoppers; lists of chance would reach about (clusters a shopper likes) / (all clusters).
    """
    shoppers = traffic.shoppers
    rng = np.random.default_rng([traffic.settings.shop.seed, 3])
    users = np.unique(rng.choice(traffic.visits.user, _SHOPPERS)).tolist()
    keys = [f"{settings.prefix}rec:{traffic.user_names[user].decode()}" for user in users]
    hits = items = 0
    for user, value in zip(users, read(open_redis(settings).mget, keys), strict=True):
        for item in _personal_items(value):
            hits += int(shoppers.catalogue.cluster[item] in shoppers.tastes[user])
            items += 1
    return round(hits / items, 4) if items else None


def _personal_items(value: str | None) -> list[int]:
    found: dict[str, Any] = msgspec.json.decode(value) if value else {"items": []}
    return [int(entry["id"][1:]) for entry in found["items"][:_TOP] if entry["because"]]
