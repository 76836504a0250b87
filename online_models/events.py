"""The event: the one thing a website publishes, and what every model learns from."""

from __future__ import annotations

from typing import Final

import msgspec

#: Every event type the engine knows; its position is the type's code in arrays.
EVENT_TYPES: Final = (
    "impression",
    "view",
    "click",
    "add_to_wishlist",
    "add_to_cart",
    "remove_from_cart",
    "purchase",
)
EVENT_CODES: Final = {name: code for code, name in enumerate(EVENT_TYPES)}
IMPRESSION, VIEW, CLICK, ADD_TO_WISHLIST, ADD_TO_CART, REMOVE_FROM_CART, PURCHASE = range(len(EVENT_TYPES))


class Event(msgspec.Struct, frozen=True, gc=False):
    """One thing a shopper did to one item.

    Attributes
    ----------
    event_id
        Unique for ever; a second event with the same id is a duplicate.
    type
        One of `EVENT_TYPES`.
    user_id, item_id
        Who and what.
    ts
        Event time: when it happened, in milliseconds since 1970-01-01 UTC.
    price, quantity
        What one piece cost and how many; the spend of a purchase is their product.

    >>> Event(event_id="e1", type="view", user_id="ada", item_id="lamp", ts=1_700_000_000_000).code
    1
    """

    event_id: str
    type: str
    user_id: str
    item_id: str
    ts: int
    price: float = 0.0
    quantity: int = 1

    @property
    def code(self) -> int:
        """The event type as a small integer, its position in `EVENT_TYPES`."""
        return EVENT_CODES[self.type]
