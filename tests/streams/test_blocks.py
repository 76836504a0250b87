"""Blocks between agents: nothing is applied twice, nothing is missed, whatever is sent again and however it is cut."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_models.increments import Increments
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.block_reading import read_examples, read_increments
from streams.errors import EngineError
from streams.sources_applied import SourcesApplied
from tests.models.event_streams import CROWDED, random_events


def increments(offsets: list[int]) -> tuple[Increments, np.ndarray, Vocabulary]:
    """One increment per offset, whose weight is the offset."""
    items = Vocabulary()
    codes = items.codes(f"item-{offset % 7}" for offset in offsets)
    weights = np.array(offsets, np.float32)
    kinds, ts = np.zeros(len(offsets), np.int8), np.array(offsets, np.int64)
    return Increments(codes, codes, weights, kinds, ts), np.array(offsets, np.int64), items


def sent(offsets: list[int], previous: int) -> list[blocks.Block]:
    made, at, items = increments(offsets)
    return list(blocks.increment_blocks("clickstream", 0, previous, made, at, items))


def test_a_block_arrives_as_it_was_sent() -> None:
    made, at, items = increments([3, 3, 5, 9])
    (block,) = blocks.increment_blocks("clickstream", 2, 1, made, at, items)
    read, _ = read_increments([block], [-1], other := Vocabulary())
    assert (block.topic, block.partition, block.previous, block.last) == ("clickstream", 2, 1, 9)
    assert [other.names[code] for code in read.row] == [items.names[code] for code in made.row]
    for name in ("weight", "kind", "ts"):
        assert getattr(read, name).tolist() == getattr(made, name).tolist()


def test_a_large_batch_is_cut_between_events() -> None:
    offsets = sorted(offset for offset in range(9_000) for _ in range(5))
    cut = sent(offsets, -1)
    assert len(cut) > 1
    assert [block.previous for block in cut] == [-1, *(block.last for block in cut[:-1])]
    _, ends = read_increments(cut, [-1] * len(cut), Vocabulary())
    assert ends[-1] == len(offsets)
    assert all(end % 5 == 0 for end in ends)


@given(st.data())
def test_replays_with_other_cuts_change_nothing(data: st.DataObject) -> None:
    # Given a source that may crash after any block and begin again at any earlier offset, cutting as it likes
    total = 40
    applied, got = SourcesApplied(), []
    position = 0
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, position))
        end = data.draw(st.integers(start, total))
        cuts = sorted({start, end, *data.draw(st.lists(st.integers(start, end), max_size=4))})
        for first, last in pairwise(cuts):
            for block in sent(list(range(first, last)), first - 1):
                after = applied.advance(block)
                got += read_increments([block], [after], Vocabulary())[0].weight.astype(int).tolist()
        position = max(position, end)
    # Then every offset was applied once, in order
    assert got == list(range(position))


def test_a_hole_is_refused() -> None:
    applied = SourcesApplied()
    (first,), (third,) = sent([1, 2], -1), sent([5], 4)
    applied.advance(first)
    with pytest.raises(EngineError, match="follows offset 4, but only 2 was applied"):
        applied.advance(third)


@pytest.mark.parametrize(("field", "value"), [("length", 17), ("length", -1), ("items", 1 << 20), ("items", -1)])
def test_examples_that_contradict_themselves_are_refused(field: str, value: int) -> None:
    shoppers = Shoppers(items := Vocabulary())
    told = shoppers.fold(random_events(1, 600, CROWDED))
    block = blocks.example_block("clickstream", 0, -1, told.examples, told.example_event, items)
    assert len(read_examples([block], [-1], Vocabulary())) == len(told.examples) > 0
    rows = np.frombuffer(block.columns[0], blocks.EXAMPLE).copy()
    rows[field][0] = value
    with pytest.raises(EngineError, match="contradicts itself"):
        read_examples([msgspec.structs.replace(block, columns=[rows.tobytes()])], [-1], Vocabulary())
