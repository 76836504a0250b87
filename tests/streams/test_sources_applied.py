"""Between agents: whatever is replayed, by whomever, in whichever portions, counts once, and no hole goes unnoticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.blocks import FORMAT, Block
from streams.errors import EngineError
from streams.sources_applied import SourcesApplied


@dataclass
class Sender:
    """One owner of a source partition: begins at a checkpoint and sends blocks of any size.

    `offsets` are the source offsets that lead to rows for our receiver.
    """

    offsets: list[int]
    place: int = 0
    previous: int = -1
    sent: list[Block] = field(default_factory=list)

    def send(self, rows: int) -> Block | None:
        """The next block, of so many rows."""
        chosen = self.offsets[self.place : self.place + rows]
        if not chosen:
            return None
        block = Block(FORMAT, "clickstream", 0, self.previous, chosen[-1], b"", b"", [repr(chosen).encode()])
        self.place, self.previous = self.place + len(chosen), chosen[-1]
        self.sent.append(block)
        return block

    def checkpoint(self) -> tuple[int, int]:
        """What the next owner begins with."""
        return self.place, self.previous


def topic(chance: Random) -> tuple[list[int], list[Block]]:
    """The blocks of a source whose owners are killed, replaced, and sometimes go on as zombies for a while."""
    offsets = sorted(chance.sample(range(200), 60))
    log: list[Block] = []
    owner, zombies, durable = Sender(offsets), [], (0, -1)
    while owner.place < len(offsets):
        block = owner.send(chance.randint(1, 7))
        if block is not None:
            log.append(block)
        if chance.random() < 0.3:
            durable = owner.checkpoint()
        if chance.random() < 0.2:
            zombies.append(owner)
            owner = Sender(offsets, *durable)
        if zombies and chance.random() < 0.3:
            late = chance.choice(zombies).send(chance.randint(1, 5))
            if late is not None:
                log.append(late)
    return offsets, log


def applied_rows(log: list[Block], chance: Random) -> list[int]:
    """What a receiver applies that is restarted from its checkpoint now and then, and reads on from there."""
    rows: list[int] = []
    applied = SourcesApplied()
    at, kept = 0, (0, 0, applied.state())
    while at < len(log):
        after = applied.advance(log[at])
        rows += [offset for offset in eval_rows(log[at]) if offset > after]
        at += 1
        if chance.random() < 0.3:
            kept = (at, len(rows), applied.state())
        if chance.random() < 0.1:
            at, length, state = kept
            rows, applied = rows[:length], SourcesApplied.from_state(state)
    return rows


def eval_rows(block: Block) -> list[int]:
    """The offsets in a block of these tests."""
    return [int(text) for text in block.columns[0].decode().strip("[]").split(",")]


@given(st.integers(0, 10**9))
@settings(max_examples=400, deadline=None)
def test_any_interleaving_of_replays_and_zombies_counts_every_row_once(seed: int) -> None:
    chance = Random(seed)
    offsets, log = topic(chance)
    assert applied_rows(log, chance) == offsets


@given(st.integers(0, 10**9))
@settings(max_examples=200, deadline=None)
def test_a_block_that_never_came_is_noticed(seed: int) -> None:
    chance = Random(seed)
    offsets = sorted(chance.sample(range(200), 60))
    sender = Sender(offsets)
    while sender.send(chance.randint(1, 7)):
        pass
    missing = chance.randrange(1, len(sender.sent) - 1)
    applied = SourcesApplied()
    for block in sender.sent[:missing]:
        applied.advance(block)
    with pytest.raises(EngineError, match="missing"):
        applied.advance(sender.sent[missing + 1])
    applied.forgive()
    applied.advance(sender.sent[missing + 1])


def test_one_hole_is_forgiven_and_no_more() -> None:
    applied = SourcesApplied()
    applied.advance(Block(FORMAT, "clickstream", 0, -1, 10, b"", b"", []))
    applied.forgive()
    applied = SourcesApplied.from_state(applied.state())
    applied.advance(Block(FORMAT, "clickstream", 0, 20, 30, b"", b"", []))
    with pytest.raises(EngineError):
        applied.advance(Block(FORMAT, "clickstream", 0, 40, 50, b"", b"", []))
