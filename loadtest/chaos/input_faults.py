"""Faults in what websites publish: the same event again, and everything that is no event."""

from __future__ import annotations

import time
from random import Random

from loadtest.bad_events import BAD_EVENTS, bad_value
from loadtest.chaos.arena import Arena
from loadtest.chaos.hostile_values import HOSTILE, hostile_value
from streams.sources.record import Record


def duplicates(arena: Arena, amount: int) -> None:
    """Wait until so many events were sent a second time; the traffic holds them."""
    share = arena.setting.duplicate_share
    while (sent := int(arena.feeder.sent * share)) < amount:
        arena.show(sent)
        time.sleep(0.1)
    arena.faults = sent


def poison(arena: Arena, amount: int) -> None:
    """Records that have to be set aside, each with its reason, among good ones."""
    for number in range(amount):
        arena.feeder.send(_bad(arena.rng, number))
        arena.faults += 1
        if number % 100 == 0:
            arena.show(number)
            time.sleep(0.02)


def _bad(rng: Random, number: int) -> Record:
    user = b"u%d" % rng.randrange(600)
    if rng.random() < 0.5:
        return Record(user, bad_value(rng.randrange(len(BAD_EVENTS)), user, number), False, None)
    return Record(user, hostile_value(rng.randrange(HOSTILE), rng, user, number), False, None)
