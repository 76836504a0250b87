"""What a shopper has in the cart, and bought lately: one slab for both, and none for those who have neither.

The cart comes first, then what was bought, each with the oldest first: `items[s.owned_start :]` holds `s.cart_length`
item codes of the cart and, behind them, `s.bought_length` of what was bought.
"""

from __future__ import annotations

from typing import Final

from online_models.compiled import Int32s, Int64s, compiled
from online_models.events import ADD_TO_CART, PURCHASE, REMOVE_FROM_CART
from online_models.shopper_records import Shopper
from online_models.slabs import give_back, slab_length, take

#: The most items kept of each, the newest.
CART_LENGTH: Final = 12
BOUGHT_LENGTH: Final = 24


@compiled
def lacks_place(s: Shopper, kind: int) -> bool:
    """Whether an event of this type might find no place for its item."""
    if kind not in (ADD_TO_CART, PURCHASE):
        return False
    return bool(s.owned_size < 0 or s.cart_length + s.bought_length == slab_length(s.owned_size))


@compiled
def make_room_to_own(s: Shopper, items: Int32s, free: Int64s, top: Int64s) -> bool:
    """Move to a larger slab; False if the pool has to grow first."""
    bigger = take(s.owned_size + 1, free, top, items)
    if bigger < 0:
        return False
    if s.owned_size >= 0:
        for j in range(s.cart_length + s.bought_length):
            items[bigger + j] = items[s.owned_start + j]
        give_back(s.owned_size, s.owned_start, free, items)
    s.owned_start, s.owned_size = bigger, s.owned_size + 1
    return True


@compiled
def own(s: Shopper, kind: int, item: int, items: Int32s, free: Int64s) -> None:
    """Keep the cart and the list of what was bought of a shopper who has a slab for them."""
    owned = items[s.owned_start : s.owned_start + slab_length(s.owned_size)]
    if kind in (REMOVE_FROM_CART, PURCHASE, ADD_TO_CART):
        _out_of_cart(_place(item, owned, 0, s.cart_length), s, owned)
    if kind == ADD_TO_CART:
        _into_cart(item, s, owned)
    elif kind == PURCHASE:
        _buy(item, s, owned)
    s.just_carted = int(kind == ADD_TO_CART)
    s.item_in_cart = int(_place(item, owned, 0, s.cart_length) >= 0)
    if s.cart_length + s.bought_length == 0:
        give_back(s.owned_size, s.owned_start, free, items)
        s.owned_size = -1


@compiled
def own_late(s: Shopper, item: int, items: Int32s) -> None:
    """Add to what a shopper, who has a slab for it, bought: the cart has moved on since."""
    _buy(item, s, items[s.owned_start : s.owned_start + slab_length(s.owned_size)])


@compiled
def _place(item: int, items: Int32s, start: int, end: int) -> int:
    """Where the item is, or -1."""
    for j in range(start, end):
        if items[j] == item:
            return j
    return -1


@compiled
def _out_of_cart(place: int, s: Shopper, owned: Int32s) -> None:
    if place >= 0:
        _drop(place, s, owned)
        s.cart_length -= 1


@compiled
def _into_cart(item: int, s: Shopper, owned: Int32s) -> None:
    if s.cart_length == CART_LENGTH:
        _out_of_cart(0, s, owned)
    for j in range(s.cart_length + s.bought_length, s.cart_length, -1):
        owned[j] = owned[j - 1]
    owned[s.cart_length] = item
    s.cart_length += 1


@compiled
def _buy(item: int, s: Shopper, owned: Int32s) -> None:
    place = _place(item, owned, s.cart_length, s.cart_length + s.bought_length)
    if place < 0 and s.bought_length == BOUGHT_LENGTH:
        place = int(s.cart_length)
    if place >= 0:
        _drop(place, s, owned)
        s.bought_length -= 1
    owned[s.cart_length + s.bought_length] = item
    s.bought_length += 1


@compiled
def _drop(place: int, s: Shopper, owned: Int32s) -> None:
    for j in range(place, s.cart_length + s.bought_length - 1):
        owned[j] = owned[j + 1]
