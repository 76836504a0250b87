"""Faults of what a worker begins with: its checkpoint, the committed offsets, and the log itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from loadtest.chaos.arena import Arena
from loadtest.chaos.reference import read_back
from streams.kafka_admin import admin
from streams.topics import CLICKSTREAM

_VERSION_PLACE: Final = 6


def damage(arena: Arena, amount: int) -> None:
    """The newest checkpoint of any partition is damaged while no worker runs; or the next one cannot be written."""
    kinds = (_flip_bit, _truncate, _empty, _delete, _other_version, _not_writable)
    for n in range(amount):
        arena.pause(2.0, 4.0)
        with _nobody_works(arena):
            kinds[n % len(kinds)](arena)
        arena.fault()
        arena.wait_until_recovered()


@contextmanager
def _nobody_works(arena: Arena, number: signal.Signals = signal.SIGKILL) -> Iterator[None]:
    """End all workers, and let them come back afterwards."""
    places = [place for place in arena.fleet.places if place.wanted]
    for place in places:
        place.wanted = False
        arena.fleet.signal(place, number)
    while arena.fleet.running():
        time.sleep(0.05)
    try:
        yield
    finally:
        for place in places:
            place.wanted = True


def _newest(arena: Arena) -> Path:
    owners = sorted({path.parent for path in Path(arena.settings.checkpoints_url).rglob("*.checkpoint")})
    return max(arena.rng.choice(owners).glob("*.checkpoint"))


def _flip_bit(arena: Arena) -> None:
    path = _newest(arena)
    data = bytearray(path.read_bytes())
    data[arena.rng.randrange(len(data))] ^= 1 << arena.rng.randrange(8)
    path.write_bytes(data)


def _truncate(arena: Arena) -> None:
    path = _newest(arena)
    os.truncate(path, arena.rng.randrange(path.stat().st_size))


def _empty(arena: Arena) -> None:
    _newest(arena).write_bytes(b"")


def _delete(arena: Arena) -> None:
    _newest(arena).unlink()


def _other_version(arena: Arena) -> None:
    path = _newest(arena)
    data = bytearray(path.read_bytes())
    data[_VERSION_PLACE] += 1
    path.write_bytes(data)


def _not_writable(arena: Arena) -> None:
    """In place of a partition's folder is a file for a while: nothing can be written, and nothing is there."""
    folder = _newest(arena).parent
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.write_bytes(b"")
    worker = arena.fleet.add()
    arena.pause(8.0, 12.0)
    arena.fleet.remove(worker)
    folder.unlink()
    aside.rename(folder)


def move_offsets(arena: Arena, amount: int) -> None:
    """An operator moves the committed offsets of the group, or deletes it, while no worker runs."""
    moves: tuple[Callable[[int, int], int | None], ...] = (
        lambda committed, end: min(committed + 500, end),
        lambda committed, _: max(committed - 2_000, 0),
        lambda *_: None,
    )
    for n in range(amount):
        arena.pause(3.0, 6.0)
        with _nobody_works(arena, signal.SIGTERM):
            _move(arena, moves[n % len(moves)])
        arena.fault()
        arena.wait_until_recovered()


def _move(arena: Arena, move: Callable[[int, int], int | None]) -> None:
    client: Any = admin(arena.settings)
    group = arena.settings.application
    consumer: Any = KafkaConsumer(bootstrap_servers=arena.settings.kafka)
    try:
        committed = client.list_group_offsets([group])[group]
        committed = {tp: found.offset for tp, found in committed.items()}
        ends = consumer.end_offsets(list(committed))
        wanted = {tp: move(offset, ends[tp]) for tp, offset in committed.items()}
        if None in wanted.values():
            client.delete_groups([group])
            return
        client.alter_group_offsets(group, {tp: OffsetAndMetadata(at, "", -1) for tp, at in wanted.items()})
    finally:
        consumer.close()
        client.close()


def lose_records(arena: Arena, amount: int) -> None:
    """Kafka deletes records beyond the checkpoint of one partition while no worker runs, and Redis forgets all.

    What was lost before, and told to Redis, is then known from the checkpoints only.
    """
    for _ in range(amount):
        arena.pause(3.0, 6.0)
        with _nobody_works(arena, signal.SIGTERM):
            processed = _committed(arena)
            arena.pause(1.0, 3.0)
            partition = arena.rng.choice(sorted(processed))
            records = read_back(arena.settings, CLICKSTREAM)[partition]
            first, end = processed[partition], records[-1].offset
            if end <= first:
                continue
            keep_from = arena.rng.randint(first + 1, end)
            arena.library.save(CLICKSTREAM, partition, [record for record in records if record.offset < first])
            arena.library.lose(CLICKSTREAM, partition, range(first, keep_from))
            client: Any = admin(arena.settings)
            client.delete_records({TopicPartition(CLICKSTREAM, partition): keep_from})
            client.close()
            arena.redis_client().flushall()
        arena.fault()
        arena.wait_until_recovered()


def _committed(arena: Arena) -> dict[int, int]:
    client: Any = admin(arena.settings)
    try:
        found = client.list_group_offsets([arena.settings.application])[arena.settings.application]
    finally:
        client.close()
    return {tp.partition: at.offset for tp, at in found.items() if tp.topic == CLICKSTREAM}
