"""What is held for the other agents arrives whole, once and in order, whoever dies holding it."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from random import Random
from typing import Any

import numpy as np
import pytest

from online_models.event_columns import EventColumns
from online_models.events import Event
from online_models.item_partition import ItemPartitions
from online_models.shopper_kernel import MOST_EXAMPLES
from online_models.shopper_records import EXAMPLE_ITEMS
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.agents.outbox import Outbox
from streams.block_reading import read_examples, read_increments
from streams.event_limits import LONGEST_ID
from streams.holding import HOLD_SECONDS
from streams.records import Record
from streams.sources_applied import SourcesApplied
from streams.ticks import next_tick
from streams.topics import COVISITS, LARGEST_RECORD
from tests.models.event_streams import random_events

TOPICS = ("clickstream", "purchases")
OWNERS = 3
Row = tuple[Any, ...]


class Receivers:
    """Everyone whom blocks are for; what each has been told, by source topic."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, int, str], list[Row]] = defaultdict(list)
        self.chains: dict[tuple[str, int, str], list[tuple[int, int]]] = defaultdict(list)
        self._applied: dict[tuple[str, int], SourcesApplied] = defaultdict(SourcesApplied)

    def hear(self, outbox: Outbox) -> None:
        """Get all that the outbox holds."""
        for message in outbox.messages():
            place = message.topic, message.partition or 0
            block = blocks.decode(Record(*place, 0, 0, None, message.value))
            after, items = self._applied[place].advance(block), Vocabulary()
            rows = self.told[*place, block.topic]
            self.chains[*place, block.topic].append((block.previous, block.last))
            if message.topic == COVISITS:
                new, _ = read_increments([block], [after], items)
                named = [[items.names[code] for code in column] for column in (new.row, new.neighbour)]
                rows += zip(*named, new.weight, new.kind, new.ts, strict=True)
            else:
                examples = read_examples([block], [after], items)
                rows += zip(examples.known_at, examples.bought, map(bytes, examples.features), strict=True)


def shop() -> list[tuple[EventColumns, np.ndarray, np.ndarray]]:
    """Micro-batches with the topic and the offset of each event."""
    events, chance, offsets = random_events(3, 1500), Random(5), [0, 0]
    batches = []
    while events:
        batch, events = events[: (size := chance.randint(1, 40))], events[size:]
        topic = np.array([int(event.type == "purchase") for event in batch], np.int8)
        offset = np.zeros(len(batch), np.int64)
        for number in range(2):
            mine = topic == number
            offset[mine] = offsets[number] + np.arange(mine.sum())
            offsets[number] += int(mine.sum())
        batches.append((EventColumns.of(batch), topic, offset))
    return batches


def one_by_one() -> dict[Any, list[Row]]:
    """What receivers are told by somebody who holds nothing."""
    items, receivers = Vocabulary(), Receivers()
    shoppers, outbox = Shoppers(items), Outbox(TOPICS, 0, ItemPartitions(items, OWNERS))
    for events, topic, offset in shop():
        outbox.put(shoppers.fold(events), topic, offset)
        receivers.hear(outbox)
    for chain in receivers.chains.values():
        assert [previous for previous, _ in chain] == [-1, *(last for _, last in chain[:-1])]
    return receivers.told


@pytest.mark.parametrize("seed", range(5))
def test_what_is_held_when_somebody_dies_is_told_once_and_in_order(seed: int) -> None:
    chance, receivers, batches = Random(seed), Receivers(), shop()
    items = Vocabulary()
    shoppers = Shoppers(items)
    folds = [shoppers.fold(events) for events, _, _ in batches]
    outbox = Outbox(TOPICS, 0, ItemPartitions(items, OWNERS))
    durable, at, deaths, died_holding = (outbox.state(), 0), 0, 0, 0
    while at < len(batches):
        outbox.put(folds[at], *batches[at][1:])
        at += 1
        if chance.random() < 0.3:
            durable = outbox.state(), at
        if chance.random() < 0.3:
            receivers.hear(outbox)
        if chance.random() < 0.1:
            died_holding += bool(durable[0]["increments"])
            outbox, at = Outbox(TOPICS, 0, ItemPartitions(items, OWNERS), durable[0]), durable[1]
            deaths += 1
    receivers.hear(outbox)
    assert deaths > 1
    assert died_holding
    assert receivers.told == one_by_one()


def test_it_is_time_after_a_moment_or_when_there_is_much() -> None:
    items = Vocabulary()
    shoppers, outbox = Shoppers(items), Outbox(TOPICS, 0, ItemPartitions(items, OWNERS))
    assert outbox.due == math.inf
    outbox.put(shoppers.fold([Event("1", "view", "ada", "lamp", 10**12)]), np.zeros(1, np.int8), np.zeros(1, np.int64))
    assert 0 < outbox.due - time.monotonic() <= HOLD_SECONDS
    views = [Event(f"{n}", "view", "ada", f"item {n % 60}", 10**12 + n) for n in range(2, 2000)]
    outbox.put(shoppers.fold(views), np.zeros(len(views), np.int8), np.arange(1, len(views) + 1))
    assert outbox.is_due
    assert list(outbox.messages())
    assert outbox.due == math.inf


def test_partitions_that_hold_something_send_it_at_the_same_moment() -> None:
    while next_tick(HOLD_SECONDS) - time.monotonic() < HOLD_SECONDS / 2:
        time.sleep(0.01)  # nothing here is to happen in the middle of a tick
    due = set()
    for partition in range(3):
        items = Vocabulary()
        shoppers, outbox = Shoppers(items), Outbox(TOPICS, partition, ItemPartitions(items, OWNERS))
        told = shoppers.fold([Event("1", "view", "ada", "lamp", 10**12)])
        outbox.put(told, np.zeros(1, np.int8), np.zeros(1, np.int64))
        due.add(outbox.due)
    assert due == {next_tick(HOLD_SECONDS)}


def test_however_many_sessions_end_at_once_and_however_long_the_ids_kafka_takes_what_is_told() -> None:
    """After a quiet night the first events end all sessions there are; each has as many items as an example holds."""
    items, receivers = Vocabulary(), Receivers()
    shoppers, outbox = Shoppers(items), Outbox(TOPICS, 0, ItemPartitions(items, 1))
    longest = "\N{MATHEMATICAL BOLD CAPITAL A}" * (LONGEST_ID - 8)
    people, each = 1_800, EXAMPLE_ITEMS
    evening = [
        Event(f"{user}-{n}", "view", f"u{user}", f"{longest}{user:04}-{n:02}", 1_000_000 + 1000 * n + user)
        for n in range(each)
        for user in range(people)
    ]
    morning = [Event(f"m{n}", "view", "early", "lamp", 50_000_000 + n) for n in range(2 * people // MOST_EXAMPLES)]
    events = [*evening, *morning]
    folded = shoppers.fold(events)
    assert np.bincount(folded.example_event).max() < MOST_EXAMPLES
    outbox.put(folded, np.zeros(len(events), np.int8), np.arange(len(events)))
    sizes = [
        len(message.value or b"") for message in Outbox(TOPICS, 0, ItemPartitions(items, 1), outbox.state()).messages()
    ]
    assert max(sizes) < LARGEST_RECORD
    receivers.hear(outbox)
    assert len(receivers.told["examples", 0, "clickstream"]) == people
    chain = receivers.chains["examples", 0, "clickstream"]
    assert len(chain) > 1
    assert [previous for previous, _ in chain] == [-1, *(last for _, last in chain[:-1])]
