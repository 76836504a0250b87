"""Many blocks read at once are what they are one by one."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.increments import Increments
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.block_reading import read_examples, read_increments, read_offsets
from streams.errors import EngineError
from tests.models.event_streams import CROWDED, random_events

COLUMNS = ("row", "neighbour", "weight", "kind", "ts")


def block(partition: int, offsets: list[int]) -> blocks.Block:
    """One with an increment per offset, and ids of which other partitions have some as well."""
    items, at = Vocabulary(), np.array(offsets, np.int64)
    row, neighbour = (items.codes(f"item-{offset * by % 9}" for offset in offsets) for by in (1, partition + 2))
    made = Increments(row, neighbour, at.astype(np.float32), (at % 3).astype(np.int8), 1000 * at)
    (packed,) = blocks.increment_blocks("clickstream", partition, -1, made, at, items)
    return packed


@settings(deadline=None)  # kernels are compiled
@given(st.lists(st.tuples(st.lists(st.integers(0, 60), min_size=1, max_size=20), st.integers(-1, 61)), max_size=6))
def test_together_they_are_what_they_are_one_by_one(sent: list[tuple[list[int], int]]) -> None:
    # Given blocks of several partitions, of each of which a part is known
    received = [block(partition, sorted(offsets)) for partition, (offsets, _) in enumerate(sent)]
    after = [known for _, known in sent]
    # When they are read together, and one by one
    together, alone = Vocabulary(), Vocabulary()
    increments, ends = read_increments(received, after, together)
    parts = [read_increments([one], [known], alone)[0] for one, known in zip(received, after, strict=True)]
    # Then it is the same, and it is told which are whose
    assert together.names == alone.names
    assert ends == np.cumsum([len(part) for part in parts]).tolist()
    for name in COLUMNS:
        found = [getattr(part, name).tolist() for part in parts]
        assert getattr(increments, name).tolist() == [one for column in found for one in column]
    # And new is what lies beyond what is known
    new = [offset for offsets, known in sent for offset in sorted(offsets) if offset > known]
    assert increments.weight.tolist() == new


def test_so_are_examples() -> None:
    # Given examples of two shops, each with a vocabulary of its own, of which a part of the first is known
    received = []
    for seed in (1, 2):
        told = (shoppers := Shoppers(Vocabulary())).fold(random_events(seed, 600, CROWDED))
        received.append(
            blocks.example_block("clickstream", seed, -1, told.examples, told.example_event, shoppers.items)
        )
    known = [int(read_offsets(received[0], -1, of_increments=False)[2]), -1]
    # When they are read together, and one by one
    together, alone = Vocabulary(), Vocabulary()
    examples = read_examples(received, known, together)
    parts = [read_examples([one], [after], alone) for one, after in zip(received, known, strict=True)]
    # Then it is the same
    assert together.names == alone.names
    assert len(examples) == sum(map(len, parts)) > len(parts[1]) > 0
    for name, column in vars(examples).items():
        assert column.tolist() == np.concatenate([getattr(part, name) for part in parts]).tolist()


@pytest.mark.parametrize("damage", ["text", "ends", "columns"])
def test_the_one_that_contradicts_itself_is_named(damage: str) -> None:
    good, bad = block(0, [1, 2]), block(1, [3, 4])
    numbers = np.array([7, 0], "<u2").tobytes()  # one of another block, were they not told apart
    damaged: dict[str, object] = {
        "text": bad.text[:-1],
        "ends": bad.ends[:-8],
        "columns": [*bad.columns[:3], numbers, *bad.columns[4:]],
    }
    mixed = [good, msgspec.structs.replace(bad, **{damage: damaged[damage]}), block(2, [5, 6, 7, 8, 9, 10, 11, 12])]
    with pytest.raises(EngineError, match="clickstream-1 up to offset 4 contradicts itself"):
        read_increments(mixed, [-1] * len(mixed), Vocabulary())
