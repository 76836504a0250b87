"""Seeded streams of events for the tests, and ways to cut them into batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from online_models.events import EVENT_TYPES, Event

NOON = 1_700_000_000_000
MINUTE = 60_000
GAP = 30 * MINUTE
DAY = 24 * 60 * MINUTE
#: How often each type occurs, in the order of `EVENT_TYPES`.
_TYPE_CHANCES = (0.15, 0.42, 0.14, 0.06, 0.11, 0.05, 0.07)


def event(number: int, user: str, item: str, minute: float, kind: str = "view", price: float = 0.0) -> Event:
    """An event so many minutes after noon."""
    return Event(f"e{number}", kind, user, item, NOON + round(minute * MINUTE), price)


def views(visits: Sequence[tuple[str, str, float]], kind: str = "view") -> list[Event]:
    """Events of one type from (user, item, minute)."""
    return [event(number, user, item, minute, kind) for number, (user, item, minute) in enumerate(visits)]


@dataclass(frozen=True)
class Shop:
    """What a random stream looks like.

    Attributes
    ----------
    late
        Share of events that arrive up to an hour after they happened.
    stale
        Share of events that arrive days after they happened.
    repeated
        Share of events that are sent twice.
    quiet
        Share of events before which nobody comes for half an hour to an hour.
    skew_minutes
        How far the clocks of users are off: every third one behind, every third one ahead.
    """

    users: int = 10
    items: int = 9
    late: float = 0.0
    stale: float = 0.0
    repeated: float = 0.0
    quiet: float = 0.01
    skew_minutes: float = 0.0
    pause_minutes: float = 0.7


ORDERLY = Shop()
UNRULY = Shop(late=0.15, stale=0.03, repeated=0.05)
SCRAMBLED = Shop(users=5, items=40, late=0.6, stale=0.1, repeated=0.1, pause_minutes=0.5)
SKEWED = Shop(users=4, items=60, quiet=0.04, skew_minutes=12.0, pause_minutes=0.05)
CROWDED = Shop(users=90, items=300, late=0.1, stale=0.02, repeated=0.02, pause_minutes=0.05)


def random_events(seed: int, length: int, shop: Shop = ORDERLY) -> list[Event]:
    """Events of all types; now and then the whole shop is quiet for longer than a session lasts."""
    rng = np.random.default_rng(seed)
    now = float(NOON)
    events: list[Event] = []
    for number in range(length):
        if events and rng.random() < shop.repeated:
            events.append(events[rng.integers(len(events))])
            continue
        now += rng.exponential(shop.pause_minutes * MINUTE) + (rng.random() < shop.quiet) * rng.uniform(1.0, 2.0) * GAP
        delay = (rng.random() < shop.late) * rng.exponential(GAP / 2) + (rng.random() < shop.stale) * 3 * DAY
        user, item = min(rng.geometric(2.0 / shop.users), shop.users), min(rng.geometric(2.0 / shop.items), shop.items)
        events.append(
            Event(
                event_id=f"{seed}-{number}",
                type=str(rng.choice(EVENT_TYPES, p=_TYPE_CHANCES)),
                user_id=f"user {user}",
                item_id=f"item {item}",
                ts=int(now - delay + (user % 3 - 1) * shop.skew_minutes * MINUTE),
                price=float(rng.choice([0.0, 0.1, 7.77, 129.95])),
                quantity=int(rng.integers(1, 4)),
            )
        )
    return events


def random_batches(events: Sequence[Event], seed: int) -> list[list[Event]]:
    """The events cut at random places; some batches are empty, some hold one event, some are long."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(0, len(events) + 1, size=rng.integers(1, max(2, len(events) // 3))))
    ends = [0, *cuts.tolist(), len(events)]
    return [list(events[start:end]) for start, end in pairwise(ends)]
