"""What the state has to be: everything folded once more, in one go, from the topics as they are in Kafka."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from kafka import KafkaConsumer, TopicPartition

from online_models.compiled import Int64s
from online_models.events import Event
from online_models.folded import Folded
from online_models.increments import Increments
from online_models.item_partition import ItemPartitions
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.agents.affinity import AffinityPartition, learn
from streams.agents.learner import LearnerPartition
from streams.agents.learner import learn as learn_examples
from streams.block_reading import read_examples, read_increments, read_offsets
from streams.blocks import Block
from streams.decoding import Decoder
from streams.settings import Settings
from streams.sources_applied import SourcesApplied
from streams.topics import CLICKSTREAM, COVISITS, EXAMPLES, PURCHASES

#: The engine folds whatever a fetch brings; the reference folds other portions on purpose.
_PORTION: Final = 997
_POLL_MS: Final = 500

Source = tuple[str, int]


@dataclass
class Reference:
    """The state after all records.

    Attributes
    ----------
    shoppers, affinity, learner
        Per partition.
    rejected
        How many records are no events, by reason.
    accepted, duplicates, distinct
        How many events count, how many came before, and how many different ids there are.
    untold, told_twice
        Increments and examples that the events lead to and the topics between the agents lack, or have too many of.
    items
        The vocabulary of all of them.
    """

    shoppers: dict[int, Shoppers]
    affinity: dict[int, AffinityPartition]
    learner: LearnerPartition
    rejected: Counter[str]
    accepted: int
    duplicates: int
    distinct: int
    untold: int
    told_twice: int
    items: Vocabulary


@dataclass
class Library:
    """Records that Kafka has deleted: those that were processed before, and the offsets of those that were not."""

    kept: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    lost: dict[tuple[str, int], list[range]] = field(default_factory=dict)

    def save(self, topic: str, partition: int, records: Sequence[Any]) -> None:
        """Keep records that will be deleted."""
        known = self.kept.setdefault((topic, partition), [])
        newest = known[-1].offset if known else -1
        known += [record for record in records if record.offset > newest]

    def lose(self, topic: str, partition: int, offsets: range) -> None:
        """Note that records were deleted that nobody had processed."""
        self.lost.setdefault((topic, partition), []).append(offsets)

    def completed(self, topic: str, partition: int, records: Sequence[Any]) -> list[Any]:
        """What the engine has seen of a partition, from what Kafka still has."""
        kept = self.kept.get((topic, partition), [])
        lost = self.lost.get((topic, partition), [])
        newest = kept[-1].offset if kept else -1
        more = [record for record in records if record.offset > newest]
        return [record for record in [*kept, *more] if not any(record.offset in gone for gone in lost)]


def read_back(settings: Settings, topic: str) -> dict[int, list[Any]]:
    """Every record of a topic as Kafka has it, per partition in the order of offsets."""
    consumer: Any = KafkaConsumer(
        bootstrap_servers=settings.kafka, enable_auto_commit=False, fetch_max_bytes=1 << 26, max_poll_records=20_000
    )
    try:
        tps = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(tps)
        consumer.seek_to_beginning(*tps)
        ends = consumer.end_offsets(tps)
        found: dict[int, list[Any]] = {tp.partition: [] for tp in tps}
        while any(consumer.position(tp) < ends[tp] for tp in tps):
            for tp, records in consumer.poll(timeout_ms=_POLL_MS).items():
                found[tp.partition] += records
        return found
    finally:
        consumer.close()


def reference(settings: Settings, library: Library) -> Reference:
    """Fold all that is in Kafka, and what the library knows beside."""
    items = Vocabulary()
    covisits, examples = read_back(settings, COVISITS), read_back(settings, EXAMPLES)
    said: dict[tuple[Source, int], list[Any]] = {}
    shoppers, rejected, accepted, duplicates, distinct = _fold_events(settings, library, items, len(covisits), said)
    heard: dict[tuple[Source, int], list[Any]] = {}
    affinity = {partition: _fold_covisits(items, partition, records, heard) for partition, records in covisits.items()}
    learner = _fold_examples(items, examples[0], heard)
    untold, told_twice = _compared(said, heard)
    return Reference(shoppers, affinity, learner, rejected, accepted, duplicates, distinct, untold, told_twice, items)


def _fold_events(
    settings: Settings,
    library: Library,
    items: Vocabulary,
    item_partitions: int,
    said: dict[tuple[Source, int], list[Any]],
) -> tuple[dict[int, Shoppers], Counter[str], int, int, int]:
    decoder = Decoder(settings.max_event_bytes, settings.max_future_seconds)
    owners = ItemPartitions(items, item_partitions)
    by_topic = {
        topic: {n: library.completed(topic, n, records) for n, records in read_back(settings, topic).items()}
        for topic in (CLICKSTREAM, PURCHASES)
    }
    shoppers: dict[int, Shoppers] = {}
    rejected: Counter[str] = Counter()
    ids: set[str] = set()
    accepted = duplicates = 0
    for partition in by_topic[CLICKSTREAM]:
        shoppers[partition] = Shoppers(items, ShopperSettings(session_gap_minutes=settings.session_gap_minutes))
        decoded = [
            (record, decoder.decode_one(record)) for found in by_topic.values() for record in found.get(partition, ())
        ]
        events = [(record, content) for record, content in decoded if isinstance(content, Event)]
        rejected.update(content.reason for _, content in decoded if not isinstance(content, Event))
        if by_topic[PURCHASES].get(partition):
            events.sort(key=lambda pair: pair[1].ts)
        ids.update(event.event_id for _, event in events)
        for start in range(0, len(events), _PORTION):
            portion = events[start : start + _PORTION]
            folded = shoppers[partition].fold([event for _, event in portion])
            accepted += int(folded.accepted.sum())
            duplicates += int((~folded.accepted).sum())
            _note(said, partition, [record for record, _ in portion], folded, owners)
    return shoppers, rejected, accepted, duplicates, len(ids)


def _note(
    said: dict[tuple[Source, int], list[Any]],
    partition: int,
    records: list[Any],
    folded: Folded,
    owners: ItemPartitions,
) -> None:
    """Note which increments and examples follow, as the shoppers agent has to say them: by source and receiver."""
    offsets = np.array([record.offset for record in records], np.int64)
    topics = np.array([record.topic for record in records])
    receiver = owners.of(folded.increments.row)
    for topic in np.unique(topics).tolist():
        from_topic = topics[folded.increment_event] == topic
        for owner in np.unique(receiver[from_topic]).tolist():
            chosen = np.flatnonzero(from_topic & (receiver == owner))
            rows = _rows(folded.increments.chosen(chosen), offsets[folded.increment_event[chosen]])
            said.setdefault(((topic, partition), owner), []).append(rows)
        of_examples = np.flatnonzero(topics[folded.example_event] == topic)
        if len(of_examples):
            told = folded.examples.chosen(of_examples)
            rows = np.rec.fromarrays([offsets[folded.example_event[of_examples]], told.known_at, told.bought])
            said.setdefault(((topic, partition), -1), []).append(rows)


def _rows(increments: Increments, offsets: Int64s) -> Any:
    columns = (offsets, increments.row, increments.neighbour, increments.weight, increments.kind, increments.ts)
    return np.rec.fromarrays(columns)


def _fold_covisits(
    items: Vocabulary, partition: int, records: Iterable[Any], heard: dict[tuple[Source, int], list[Any]]
) -> AffinityPartition:
    state = AffinityPartition(items)
    noted = SourcesApplied()
    for record in records:
        block = _block(record)
        after = noted.advance(block)
        increments, _ = read_increments([block], [after], items)
        rows = _rows(increments, read_offsets(block, after, of_increments=True))
        heard.setdefault(((block.topic, block.partition), partition), []).append(rows)
        learn(state, [block], items)
    return state


def _fold_examples(
    items: Vocabulary, records: Iterable[Any], heard: dict[tuple[Source, int], list[Any]]
) -> LearnerPartition:
    state = LearnerPartition(items)
    noted = SourcesApplied()
    for record in records:
        block = _block(record)
        after = noted.advance(block)
        told = read_examples([block], [after], items)
        rows = np.rec.fromarrays([read_offsets(block, after, of_increments=False), told.known_at, told.bought])
        heard.setdefault(((block.topic, block.partition), -1), []).append(rows)
        learn_examples(state, [block], items)
    return state


def _block(record: Any) -> Block:
    block: Block = blocks.decode(record)
    return block


def _compared(said: dict[tuple[Source, int], list[Any]], heard: dict[tuple[Source, int], list[Any]]) -> tuple[int, int]:
    """How many rows are missing, and how many are too many; they have to be equal in their order, bit for bit."""
    untold = told_twice = 0
    for key in said.keys() | heard.keys():
        one, other = _joined(said.get(key, [])), _joined(heard.get(key, []))
        if one == other:
            continue
        missing, more = Counter(one), Counter(other)
        untold += (missing - more).total() or int(missing == more)
        told_twice += (more - missing).total()
    return untold, told_twice


def _joined(parts: list[Any]) -> list[Any]:
    return [row for part in parts for row in part.tolist()]
