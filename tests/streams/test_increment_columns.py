"""Increments for several receivers are split, cut and numbered at once as one would do it row by row."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.increments import Increments
from online_models.item_partition import ItemPartitions
from online_models.vocabulary import Vocabulary
from streams import blocks, increment_columns
from streams.block_reading import read_increments, read_offsets
from streams.errors import EngineError
from streams.increment_columns import Sources, pieces

TOPICS, OWNERS, LARGEST = 2, 3, 6

#: Per event: its topic, how far it is behind the event before, and the items of its increments.
told = st.lists(
    st.tuples(
        st.integers(0, TOPICS - 1),
        st.integers(1, 3),
        st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=10),
    ),
    max_size=30,
)


def rows_of(events: list[tuple[int, int, list[tuple[int, int]]]]) -> list[tuple[Any, ...]]:
    """Topic, offset, and the increment itself."""
    rows: list[tuple[Any, ...]] = []
    offsets = [0] * TOPICS
    for topic, further, pairs in events:
        offsets[topic] += further
        for row, neighbour in pairs:
            rows.append((topic, offsets[topic], row, neighbour, len(rows) / 3, len(rows) % 3, 7 * offsets[topic]))
    return rows


def columns_of(rows: list[tuple[Any, ...]]) -> tuple[Increments, Sources]:
    dtypes = (np.int8, np.int64, np.int32, np.int32, np.float32, np.int8, np.int64)
    topic, offset, *rest = (np.array([row[n] for row in rows], dtype) for n, dtype in enumerate(dtypes))
    return Increments(*rest), Sources(topic, offset)


@given(told, st.integers(1, OWNERS))
@settings(deadline=None)
def test_every_receiver_gets_its_rows_in_order(
    events: list[tuple[int, int, list[tuple[int, int]]]], receivers: int
) -> None:
    # Given what events of two topics led to
    items = Vocabulary()
    items.codes(f"item {n}" for n in range(41))
    owners, rows = ItemPartitions(items, receivers), rows_of(events)
    increments, sources = columns_of(rows)
    # When it is cut into very small blocks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(increment_columns, "LARGEST_BLOCK", LARGEST)
        found = list(pieces(increments, sources, TOPICS, owners.by_code(), receivers, items))
    # Then they are in order, none is too large, and none ends within an event
    places = [(piece.topic, piece.receiver, piece.last) for piece in found]
    assert places == sorted(set(places))
    got: dict[tuple[int, int], list[Any]] = {}
    before: dict[tuple[int, int], int] = {}
    for piece in found:
        block, names = blocks.increment_block("", 0, -1, piece), Vocabulary()
        offsets = read_offsets(block, -1, of_increments=True).tolist()
        read, _ = read_increments([block], [-1], names)
        assert offsets[-1] == piece.last
        assert offsets[0] > before.get((piece.topic, piece.receiver), -1)
        before[piece.topic, piece.receiver] = piece.last
        assert len(offsets) <= LARGEST or len(set(offsets)) == 1
        named = [[int(names.names[code][5:]) for code in column] for column in (read.row, read.neighbour)]
        got.setdefault((piece.topic, piece.receiver), []).extend(
            zip(offsets, *named, read.weight, read.kind, read.ts, strict=True)
        )
        half = len(offsets) // 2
        new, _ = read_increments([block], [offsets[half]], names)
        assert new.weight.tolist() == [w for w, o in zip(read.weight, offsets, strict=True) if o > offsets[half]]
        assert new.ts.tolist() == [t for t, o in zip(read.ts, offsets, strict=True) if o > offsets[half]]
    # And each receiver has what is for it
    owner = owners.by_code().tolist()
    wanted = sorted(rows, key=lambda row: (row[0], owner[row[2]]))
    assert got == {
        place: [
            (offset, row, neighbour, np.float32(weight), *rest) for _, offset, row, neighbour, weight, *rest in mine
        ]
        for place, mine in groupby(wanted, lambda row: (row[0], owner[row[2]]))
    }


@pytest.mark.parametrize(
    "damage",
    [
        {"ends": np.array([4, 2], "<i8").tobytes()},
        {"ends": np.array([4, 900], "<i8").tobytes()},
        {"ends": np.array([-4, 8], "<i8").tobytes()},
        *({n: np.array([9, 0, 0], "<u2").tobytes()} for n in (2, 3, 4)),
        *(dict.fromkeys(chosen, b"") for chosen in ([0], [1], [2], [3], [5], [6], range(2, 6))),
    ],
)
def test_a_block_that_contradicts_itself_is_refused(damage: dict[Any, bytes]) -> None:
    items = Vocabulary()
    codes = items.codes(["lamp", "bulb", "lamp"])
    made = Increments(
        codes, codes[::-1].copy(), codes.astype(np.float32), codes.astype(np.int8), codes.astype(np.int64)
    )
    (block,) = blocks.increment_blocks("clickstream", 3, -1, made, np.array([1, 1, 2]), items)
    assert len(read_increments([block], [-1], Vocabulary())[0]) == 3
    columns = [damage.get(n, column) for n, column in enumerate(block.columns)]
    damaged = msgspec.structs.replace(block, ends=damage.get("ends", block.ends), columns=columns)
    with pytest.raises(EngineError, match="clickstream-3 up to offset 2 contradicts itself"):
        read_increments([damaged], [-1], Vocabulary())
