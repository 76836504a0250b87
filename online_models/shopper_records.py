"""What is kept of one shopper: a fixed-size record, and a slab with the items seen lately."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from online_models.compiled import Float32s, Floats, Int8s, Int32s, Int64s, Structs
from online_models.events import EVENT_TYPES
from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES

#: The most items of a session that an example names, the newest.
EXAMPLE_ITEMS: Final = 16

SHOPPER: Final = np.dtype(
    [
        ("first_seen", np.int64),  # event time in ms, as every time here
        ("last_seen", np.int64),
        ("session_start", np.int64),
        ("previous_end", np.int64),  # when the session before this one ended, 0 if there was none
        ("pause", np.float64),  # seconds between the last two events of this session
        ("price", np.float64),  # of the last event, 0 if it had none
        ("session_prices", np.float64),  # sum over the events that had a price
        ("spend", np.float64),  # price times quantity over all purchases
        ("counts", np.int32, (len(EVENT_TYPES),)),  # events of each type
        ("session_counts", np.int32, (len(EVENT_TYPES),)),
        ("session_events", np.int32),
        ("session_repeats", np.int32),  # events on an item already seen in this session
        ("session_priced", np.int32),
        ("sessions", np.int32),
        ("buying_sessions", np.int32),  # how many of the sessions before this one had a purchase
        ("items_met", np.int32),  # distinct items of each session, summed over the sessions
        ("open", np.int32),  # its row in `Shelves.sessions` until the session is told, else -1
        ("items_start", np.int32),  # where in the pool the recent items begin, oldest first
        ("owned_start", np.int32),  # and what is in the cart or was bought, see `online_models.owned`
        ("items_length", np.int16),
        ("session_items", np.int16),  # how many of the recent items belong to this session
        ("seen_again", np.uint16),  # bit p: the p-th newest of them was acted on more than once
        ("how", np.uint8),  # the newest of them came, see `online_models.returns`
        ("items_size", np.int8),  # size class of the slab, -1: there is none
        ("owned_size", np.int8),
        ("cart_length", np.int8),
        ("bought_length", np.int8),
        ("just_carted", np.int8),  # 1: the last action of this session put its item into the cart
        ("item_in_cart", np.int8),  # 1: the item of the last action of this session is in the cart
        ("outcome", np.int8),  # of this session, see `OPEN`
    ],
    align=True,
)

#: A session that was not told yet, in order of the last event: see `online_models.recency`.
SESSION: Final = np.dtype(
    [
        ("shopper", np.int32),
        ("older", np.int32),
        ("newer", np.int32),
        ("moment", np.float32, (len(PROPENSITY_FEATURES),)),  # features at a random moment of it before any purchase
    ]
)

#: What `outcome` says of a session: no purchase so far; a purchase, after other actions or as the first of them; over,
#: and told as an example. The first three are the labels it is told with.
OPEN, BOUGHT, BOUGHT_FIRST, TOLD = 0, 1, -1, 2

#: One record of dtype `SHOPPER`, as kernels see it.
Shopper: TypeAlias = Any


class Shelves(NamedTuple):
    """The arrays that hold all shoppers of a partition.

    `sessions` are those not told yet; `items` is the pool of recent and owned items, `free` and `top` its free list
    (see `online_models.slabs`); `clock` holds the ends of the list of sessions (see `online_models.recency`) and, at
    `online_models.shopper_kernel.WATERMARK`, the highest event time; `returns` counts, over all sessions, what
    `online_models.returns` says.
    """

    shoppers: Structs
    sessions: Structs
    items: Int32s
    free: Int64s
    top: Int64s
    clock: Int64s
    returns: Int64s


class Actions(NamedTuple):
    """Events as columns: shopper and item codes, event type codes, event time in ms, price per piece, pieces."""

    shopper: Int32s
    item: Int32s
    type: Int32s
    ts: Int64s
    price: Floats
    quantity: Int64s


#: A session that is over, see `online_models.examples`; `event` says which event of the batch told that it is.
EXAMPLE: Final = np.dtype(
    [
        ("event", np.int32),
        ("length", np.int32),  # how many items there are
        ("known_at", np.int64),
        ("features", np.float32, (len(PROPENSITY_FEATURES),)),
        ("profile", np.float32, (len(PROFILE_FEATURES),)),
        ("items", np.int32, (EXAMPLE_ITEMS,)),  # the newest of the session, oldest first
        ("bought", np.int8),
    ],
    align=True,
)


class Found(NamedTuple):
    """What the kernel found in a batch, filled up to `filled[0]` increments and `filled[1]` examples.

    Increments are columns, as in `online_models.increments.Increments`, and `event` says which event of the batch
    caused each; examples are records `EXAMPLE`.
    """

    event: Int32s
    ts: Int64s
    row: Int32s
    neighbour: Int32s
    weight: Float32s
    kind: Int8s
    examples: Structs
    filled: Int64s


def room_for(increments: int, examples: int) -> Found:
    """An empty `Found` with room for so many increments, which hold anything until they are filled, and examples."""
    return Found(
        event=np.empty(increments, np.int32),
        ts=np.empty(increments, np.int64),
        row=np.empty(increments, np.int32),
        neighbour=np.empty(increments, np.int32),
        weight=np.empty(increments, np.float32),
        kind=np.empty(increments, np.int8),
        examples=np.zeros(examples, EXAMPLE),
        filled=np.zeros(2, np.int64),
    )


def only_filled(found: Found, start: int) -> Found:
    """What the kernel found, without the room that is left, and with `start` added to the numbers of events."""
    increments, examples = found.filled.tolist()
    cut = Found._make([*[column[:increments] for column in found[:-2]], found.examples[:examples], found.filled])
    if start:
        cut.event[:] += start
        cut.examples["event"] += start
    return cut


def joined(parts: list[Found]) -> Found:
    """Several as one, of which only what is filled is there."""
    return parts[0] if len(parts) == 1 else Found._make(map(np.concatenate, zip(*parts, strict=True)))
