"""The state of `Shoppers` as plain arrays: copied in a moment, packed at leisure, and brought back to life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from online_models import slabs
from online_models.compiled import Int32s, Int64s, Structs
from online_models.duplicates import RecentIds
from online_models.numbering import Numbering
from online_models.recency import USED, enter, in_order, nobody
from online_models.shopper_kernel import WATERMARK
from online_models.shopper_records import SESSION, SHOPPER, Shelves
from online_models.shoppers import Shoppers, ShopperSettings, blank
from online_models.spare import Spare
from online_models.spelling import Spelling
from online_models.vocabulary import Vocabulary

State = Mapping[str, Any]

#: Places of the pool that are free at first.
_ROOM: Final = 1024

#: Columns that say where something is: another place will do.
_PLACES: Final = ("items_start", "owned_start", "open")
_PLAIN: Final = tuple(name for name in SHOPPER.names or () if name not in _PLACES)


@dataclass(frozen=True)
class FrozenShoppers:
    """A copy of the arrays of `Shoppers` at one moment; `state` packs it, in another thread if need be.

    Copying is all that has to happen between two events.
    """

    users: Spelling
    items: Spelling
    shoppers: Structs
    sessions: Structs
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
            sessions=spare.copy("sessions", shelves.sessions[: int(shelves.clock[USED])]),
            pool=spare.copy("pool", shelves.items[: int(shelves.top[0])]),
            clock=shelves.clock.copy(),
            returns=shelves.returns.copy(),
            recent_ids=shoppers.recent_ids.frozen(spare),
        )

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as arrays; items are numbered by their place in `items`."""
        shoppers, sessions = self.shoppers, self.sessions[in_order(self.sessions, self.clock)]
        recent, owned = (self.pool[places] for places in _listed(shoppers))
        numbering = Numbering.of(len(self.items.ends), recent, owned)
        return {
            "users": self.users._asdict(),
            "items": self.items.chosen(numbering.used)._asdict(),
            "shoppers": {name: np.ascontiguousarray(shoppers[name]) for name in _PLAIN},
            "sessions": {name: np.ascontiguousarray(sessions[name]) for name in ("shopper", "moment")},
            "recent": numbering.of_codes(recent),
            "owned": numbering.of_codes(owned),
            "watermark": int(self.clock[WATERMARK]),
            "returns": self.returns,
            "recent_ids": RecentIds.packed(self.recent_ids),
        }


def restored(state: State, items: Vocabulary, settings: ShopperSettings) -> Shoppers:
    """The shoppers that `state` was taken from; they go on exactly as the original would."""
    shoppers = Shoppers(items, settings)
    users = Spelling(**state["users"])
    shoppers.users.codes_of(users.ids())
    codes = items.codes_of(Spelling(**state["items"]).ids())
    records = blank(len(users.ends) + 64)
    known = records[: len(users.ends)]
    for name in _PLAIN:
        known[name] = state["shoppers"][name]
    pool = _pool(known, codes[state["recent"]], codes[state["owned"]])
    sessions, clock = _sessions(known, state)
    shoppers.recent_ids = RecentIds.restored(settings.duplicate_window, state["recent_ids"])
    shoppers.shelves = Shelves(
        shoppers=records,
        sessions=sessions,
        items=pool,
        free=np.full(slabs.SIZES, -1, np.int64),
        top=np.array([len(pool) - _ROOM], np.int64),
        clock=clock,
        returns=np.array(state["returns"], np.int64),
    )
    return shoppers


def _pool(known: Structs, recent: Int32s, owned: Int32s) -> Int32s:
    """Lay out every shopper's items in slabs of the sizes they had; notes in `known` where they begin."""
    top = 0
    for name in ("items", "owned"):
        lengths = slabs.slab_lengths(known[f"{name}_size"])
        known[f"{name}_start"] = top + np.cumsum(lengths) - lengths
        top += int(lengths.sum())
    pool = np.zeros(top + _ROOM, np.int32)
    for places, items in zip(_listed(known), (recent, owned), strict=True):
        pool[places] = items
    return pool


def _listed(shoppers: Structs) -> tuple[Int64s, Int64s]:
    """The places in the pool of the recent items of shoppers, and of what they own."""
    owned = shoppers["cart_length"] + shoppers["bought_length"]
    return (
        slabs.places(shoppers["items_start"], shoppers["items_length"]),
        slabs.places(shoppers["owned_start"], owned),
    )


def _sessions(known: Structs, state: State) -> tuple[Structs, Int64s]:
    """The sessions not told yet, and the clock; notes in `known` which session is whose."""
    shoppers, ends = state["sessions"]["shopper"], nobody()
    sessions = np.zeros(len(shoppers) + 64, SESSION)
    for shopper in shoppers.tolist():
        known[shopper]["open"] = enter(shopper, sessions, ends)
    sessions["moment"][: len(shoppers)] = state["sessions"]["moment"]
    return sessions, np.append(ends, state["watermark"])
