"""The state of `Shoppers` as plain arrays: copied in a moment, packed at leisure, and brought back to life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from online_models import slabs
from online_models.compiled import Int32s, Int64s, Records
from online_models.duplicates import RecentIds
from online_models.shopper_records import SHOPPER, Shelves
from online_models.shoppers import Shoppers, ShopperSettings, blank
from online_models.spare import Spare
from online_models.spelling import Spelling
from online_models.vocabulary import Vocabulary

State = Mapping[str, Any]

#: Columns that follow from others, or hold item codes and need translation.
_SPECIAL: Final = ("items_start", "cart", "bought")
_PLAIN: Final = tuple(name for name in SHOPPER.names or () if name not in _SPECIAL)


@dataclass(frozen=True)
class FrozenShoppers:
    """A copy of the arrays of `Shoppers` at one moment; `state` packs it, in another thread if need be.

    Copying is all that has to happen between two events.
    """

    users: Spelling
    items: Spelling
    shoppers: Records
    pool: Int32s
    clock: Int64s
    returns: Int64s
    recent_ids: dict[str, Any]

    @classmethod
    def of(cls, shoppers: Shoppers, spare: Spare | None = None) -> FrozenShoppers:
        """Copy what there is now, into spare memory if there is some."""
        shelves, spare = shoppers.shelves, spare or Spare()
        return cls(
            users=shoppers.users.spelling(),
            items=shoppers.items.spelling(),
            shoppers=spare.copy("shoppers", shelves.shoppers[: len(shoppers)]),
            pool=spare.copy("pool", shelves.items[: int(shelves.top[0])]),
            clock=shelves.clock.copy(),
            returns=shelves.returns.copy(),
            recent_ids=shoppers.recent_ids.frozen(spare),
        )

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as arrays; items are numbered by their place in `items`."""
        shoppers = self.shoppers
        recent = self.pool[slabs.places(shoppers["items_start"], shoppers["items_length"])]
        owned = {name: _live(shoppers[name], shoppers[f"{name}_length"]) for name in ("cart", "bought")}
        used = np.unique(np.concatenate([recent, *(shoppers[name][live] for name, live in owned.items())]))
        items = self.items.chosen(used)
        return {
            "users": self.users._asdict(),
            "items": items._asdict(),
            "shoppers": {name: np.ascontiguousarray(shoppers[name]) for name in _PLAIN}
            | {name: _numbered(shoppers[name], live, used) for name, live in owned.items()},
            "recent": np.searchsorted(used, recent).astype(np.int32),
            "clock": self.clock,
            "returns": self.returns,
            "recent_ids": RecentIds.packed(self.recent_ids),
        }


def restored(state: State, items: Vocabulary, settings: ShopperSettings) -> Shoppers:
    """The shoppers that `state` was taken from; they go on exactly as the original would."""
    shoppers = Shoppers(items, settings)
    users = Spelling(**state["users"])
    shoppers.users.codes_of(users.ids())
    codes = items.codes_of(Spelling(**state["items"]).ids())
    columns = state["shoppers"]
    records = blank(len(users.ends) + 64)
    known = records[: len(users.ends)]
    for name in _PLAIN:
        known[name] = columns[name]
    for name in ("cart", "bought"):
        live = _live(columns[name], columns[f"{name}_length"])
        known[name][live] = codes[columns[name][live]]
    pool = _pool(known, codes[state["recent"]])
    shoppers.recent_ids = RecentIds.restored(settings.duplicate_window, state["recent_ids"])
    shoppers.shelves = Shelves(
        shoppers=records,
        items=pool,
        free=np.full(slabs.SIZES, -1, np.int64),
        top=np.array([len(pool) - 1024], np.int64),
        clock=np.array(state["clock"], np.int64),
        returns=np.array(state["returns"], np.int64),
    )
    return shoppers


def _pool(known: Records, recent: Int32s) -> Int32s:
    """Lay out every shopper's recent items in a slab of the size it had; notes in `known` where it begins."""
    lengths = slabs.slab_lengths(known["items_size"])
    starts = np.cumsum(lengths) - lengths
    known["items_start"] = starts
    pool = np.zeros(int(lengths.sum()) + 1024, np.int32)
    pool[slabs.places(known["items_start"], known["items_length"])] = recent
    return pool


def _live(codes: NDArray[np.int32], lengths: Int32s) -> NDArray[np.bool_]:
    return np.arange(codes.shape[1]) < lengths[:, None]


def _numbered(codes: NDArray[np.int32], live: NDArray[np.bool_], used: Int32s) -> NDArray[np.int32]:
    numbers = np.zeros_like(codes)
    numbers[live] = np.searchsorted(used, codes[live])
    return numbers
