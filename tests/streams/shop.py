"""A small shop whose every event is known, with duplicates and everything that can be wrong, and the truth about it."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

MINUTE = 60_000
START = 1_760_000_000_000
TYPES = ("impression", "view", "click", "add_to_wishlist", "add_to_cart", "remove_from_cart", "purchase")


@dataclass
class Record:
    """What is published: topic, key, value."""

    topic: str
    key: bytes | None
    value: bytes | None


@dataclass
class Shop:
    """Records to publish, in order, and what has to come of them."""

    records: list[Record] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    duplicates: int = 0
    bad: list[Record] = field(default_factory=list)


def shop(seed: int, users: int, events: int) -> Shop:
    """Sessions of a few minutes with long breaks between them, all in order of time; every 20th event is sent twice,
    every 15th is followed by something bad."""
    made = Shop(accepted=_events(random.Random(seed), users, events))
    for number, event in enumerate(made.accepted):
        key = event["user_id"].encode()
        topic = "purchases" if event["type"] == "purchase" else "clickstream"
        made.records.append(Record(topic, key, json.dumps(event).encode()))
        if number % 20 == 0:
            made.records.append(made.records[-1])
            made.duplicates += 1
        if number % 15 == 0:
            kind = BAD[(number // 15) % len(BAD)]
            made.bad.append(Record(topic, key, kind(event) if callable(kind) else kind))
            made.records.append(made.bad[-1])
    return made


def _events(chance: random.Random, users: int, events: int) -> list[dict[str, Any]]:
    clocks = {f"user-{n}": START + chance.randrange(60 * MINUTE) for n in range(users)}
    made = []
    for number in range(events):
        user = chance.choice(list(clocks))
        clocks[user] += chance.choice((5_000, 20_000, 90_000, 90_000, 50 * MINUTE))
        made.append(
            {
                "event_id": f"e-{number}",
                "type": chance.choices(TYPES, weights=(5, 60, 10, 4, 10, 3, 8))[0],
                "user_id": user,
                "item_id": f"item-{chance.randrange(60)}",
                "ts": clocks[user],
                "price": chance.randrange(100, 10_000) / 100,
                "quantity": chance.randrange(1, 4),
            }
        )
    return sorted(made, key=lambda event: event["ts"])


def counters(events: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The counters of every user, counted by hand."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for event in events:
        user = found[event["user_id"]]
        user["events"] += 1
        user[event["type"]] += 1
        if event["type"] == "purchase":
            user["spend"] += event["price"] * event["quantity"]
        user["first_seen"] = min(user.get("first_seen", event["ts"]), event["ts"])
        user["last_seen"] = max(user.get("last_seen", event["ts"]), event["ts"])
    return found


def support(events: list[dict[str, Any]]) -> dict[frozenset[str], int]:
    """In how many sessions two items occurred, each session counted once; impressions are no occurrence."""
    histories: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        histories[event["user_id"]].append(event)
    together: dict[frozenset[str], int] = defaultdict(int)
    for history in histories.values():
        sessions: list[set[str]] = []
        last = None
        for event in sorted(history, key=lambda event: event["ts"]):
            if last is None or event["ts"] - last > 30 * MINUTE:
                sessions.append(set())
            last = event["ts"]
            if event["type"] != "impression":
                sessions[-1].add(event["item_id"])
        for items in sessions:
            for a in items:
                for b in items:
                    if a < b:
                        together[frozenset((a, b))] += 1
    return together


def _with(**changes: Any) -> Any:
    """The event with its own id and some fields changed; None leaves a field out."""

    def changed(event: dict[str, Any]) -> bytes:
        event = {**event, "event_id": f"bad-{event['event_id']}", **changes}
        return json.dumps({name: value for name, value in event.items() if value is not None}).encode()

    return changed


def _raw(name: str, literal: str) -> Any:
    """The event with a field that Python's json would not write."""
    return lambda event: _with(**{name: "@"})(event).replace(b'"@"', literal.encode())


BAD: list[Any] = [
    b"",
    b"not json",
    b"{",
    b"[]",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"[" * 50_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    _with(event_id=""),
    _with(user_id=None),
    _with(item_id=None),
    _with(ts=None),
    _with(type=None),
    _with(type="explode"),
    _with(type=7),
    _with(item_id=7),
    _with(item_id=""),
    _with(item_id="x" * 10_000),
    _with(item_id="*"),
    _with(item_id="a\nb"),
    _with(item_id="a\0b"),
    _raw("item_id", '"\\ud800"'),
    _raw("price", "NaN"),
    _raw("price", "Infinity"),
    _raw("price", "1e400"),
    _raw("quantity", "9" * 5_000),
    _with(price=-1),
    _with(price=1e12),
    _with(price="9.99"),
    _with(quantity=1_000_000_000),
    _with(quantity=-1),
    _with(quantity=1.5),
    _with(properties={"deep": {"er": 1}}),
    _with(ts="yesterday"),
    _with(ts=1_760_000_000),
    _with(ts=True),
    _with(ts=4_102_444_800_000),
    _with(padding="x" * 70_000),
    _with(user_id="someone-else"),
]
