"""The state of the models by name instead of by place, down to the last bit, for comparing two of them.

Looking at a state also checks that its pools are sound: every place ever used belongs to one list or is free.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from online_models import slabs
from online_models.compiled import Int32s, Int64s
from online_models.folded import Folded
from online_models.recency import FREE, NEWEST, OLDEST, USED
from online_models.shopper_kernel import WATERMARK
from online_models.shopper_records import SHOPPER, TOLD
from online_models.shoppers import Shoppers
from online_models.similarity import ItemSimilarity
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from tests.models.oracles import Increment

State = dict[str, object]
_PLACES = ("items_start", "items_length", "items_size", "owned_start", "owned_size", "open")
_PLAIN = [name for name in SHOPPER.names or () if name not in _PLACES]


def shoppers_state(shoppers: Shoppers) -> State:
    """Every shopper by name, the open sessions in their order, and the watermark."""
    shelves = shoppers.shelves
    starts, sizes = (
        np.concatenate([shelves.shoppers[f"{pool}_{what}"] for pool in ("items", "owned")])
        for what in ("start", "size")
    )
    used = sizes >= 0
    assert_pool_is_sound(starts[used], sizes[used], shelves.free, shelves.top, shelves.items)
    return {
        "shoppers": {user: _shopper_state(shoppers, code) for code, user in enumerate(shoppers.users.names)},
        "open": open_sessions(shoppers),
        "watermark": int(shelves.clock[WATERMARK]),
        "returns": shelves.returns.tobytes(),
    }


def _shopper_state(shoppers: Shoppers, code: int) -> State:
    record = shoppers.shelves.shoppers[code]
    cart, bought = owned_items(shoppers, code)
    return {
        **{name: record[name].tobytes() for name in _PLAIN},
        "moment": shoppers.shelves.sessions[record["open"]]["moment"].tobytes() if record["open"] >= 0 else None,
        "recent": recent_items(shoppers, code),
        "cart": cart,
        "bought": bought,
    }


def recent_items(shoppers: Shoppers, code: int) -> list[str]:
    """The items a shopper saw lately, oldest first."""
    record = shoppers.shelves.shoppers[code]
    start, length = int(record["items_start"]), int(record["items_length"])
    return named(shoppers.items, shoppers.shelves.items[start : start + length])


def owned_items(shoppers: Shoppers, code: int) -> tuple[list[str], list[str]]:
    """What a shopper has in the cart, and bought lately, oldest first."""
    record = shoppers.shelves.shoppers[code]
    start, cart, bought = (int(record[name]) for name in ("owned_start", "cart_length", "bought_length"))
    items = named(shoppers.items, shoppers.shelves.items[start : start + cart + bought])
    return items[:cart], items[cart:]


def open_sessions(shoppers: Shoppers) -> list[str]:
    """Users in the list of open sessions, oldest first; read both ways, it has to be the same list."""
    records, sessions, clock = shoppers.shelves.shoppers, shoppers.shelves.sessions, shoppers.shelves.clock
    forth, back = _followed(sessions["newer"], int(clock[OLDEST])), _followed(sessions["older"], int(clock[NEWEST]))
    assert forth == back[::-1]
    free = _followed(sessions["newer"], int(clock[FREE]))
    assert sorted(forth + free) == list(range(clock[USED])), "every row ever used is in the list or free"
    codes: list[int] = sessions["shopper"][forth].tolist()
    began = np.flatnonzero((records["sessions"] > 0) & (records["outcome"] != TOLD))
    assert sorted(codes) == began.tolist(), "the list holds exactly the sessions that were not told"
    assert sorted(codes) == np.flatnonzero(records["open"] >= 0).tolist()
    assert records["open"][codes].tolist() == forth
    return [shoppers.users.names[code] for code in codes]


def _followed(links: Int32s, start: int) -> list[int]:
    path: list[int] = []
    while start >= 0:
        path.append(start)
        assert len(path) <= len(links), "the list runs in a circle"
        start = int(links[start])
    return path


def similarity_state(similarity: ItemSimilarity) -> State:
    """Every row by item: actions, and per neighbour weight and support; and what each item received."""
    rows = similarity.rows[: len(similarity)]
    assert_pool_is_sound(rows["start"], rows["size"], similarity.free, similarity.filled, similarity.neighbours)
    assert np.array_equal(similarity.row_of[rows["item"]], np.arange(len(rows)))
    assert np.count_nonzero(similarity.row_of >= 0) == len(rows)
    names = similarity.vocabulary.names
    state: State = {"times": similarity.clock[1:].tolist(), "totals": similarity.totals.tobytes()}
    for row in rows:
        places = slice(row["start"], row["start"] + row["length"])
        neighbours = named(similarity.vocabulary, similarity.neighbours[places])
        assert len(set(neighbours)) == len(neighbours)
        entries = zip(similarity.weights[places].tolist(), similarity.support[places].tolist(), strict=True)
        state[names[row["item"]]] = (float(row["actions"]), dict(zip(neighbours, entries, strict=True)))
    for what in ("received", "lately"):
        weights = getattr(similarity, what)[: len(names)].tolist()
        state[what] = {name: weight for name, weight in zip(names, weights, strict=False) if weight}
    return state


def trending_state(trending: Trending) -> State:
    """The weights and the list by name."""
    names = trending.vocabulary.names
    weights = trending.weights[: len(names)].tolist()
    return {
        "weights": {name: weight for name, weight in zip(names, weights, strict=False) if weight},
        "list": named(trending.vocabulary, trending.list),
        "totals": trending._totals.tobytes(),
        "landmark": trending._landmark.tobytes(),
    }


def assert_pool_is_sound(starts: Int32s, sizes: Int32s, free: Int64s, top: Int64s, links: Int32s) -> None:
    """Slabs in use and free slabs cover the used part of the pool, each place once."""
    used = list(zip(starts.tolist(), sizes.tolist(), strict=True))
    unused = [(place, size) for size in range(slabs.SIZES) for place in _followed(links, int(free[size]))]
    covered = np.zeros(len(links), np.int64)
    for start, size in used + unused:
        covered[start : start + slabs.slab_length(size)] += 1
    assert (covered[: top[0]] == 1).all()
    assert (covered[top[0] :] == 0).all()


def named_increments(folded: Folded, items: Vocabulary) -> list[Increment]:
    """The increments of a fold in their order, with items by name."""
    told = folded.increments
    return [
        Increment(items.names[row], items.names[neighbour], weight, kind, ts)
        for row, neighbour, weight, kind, ts in zip(
            *(column.tolist() for column in (told.row, told.neighbour, told.weight, told.kind, told.ts)), strict=True
        )
    ]


def named_examples(folded: Folded, items: Vocabulary) -> list[tuple[object, ...]]:
    """The examples of a fold in their order: bought, known at, items by name, features and profile bit for bit."""
    told = folded.examples
    return [
        (
            int(told.bought[n]),
            int(told.known_at[n]),
            named(items, told.items[n, : told.lengths[n]]),
            told.features[n].tobytes(),
            told.profile[n].tobytes(),
        )
        for n in range(len(told))
    ]


def named(vocabulary: Vocabulary, codes: Int32s | Iterable[int]) -> list[str]:
    """Items by name."""
    return [vocabulary.names[int(code)] for code in codes]
