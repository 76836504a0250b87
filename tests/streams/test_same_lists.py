"""The engine that is evaluated is the engine that runs: a worker on Kafka gives the lists of `Engine`, to the digit.

One shoppers partition, so that the increments of all shoppers have one order; everything in one topic, so that the
events have. The items are spread over as many partitions as `Engine` spreads them. No model setting is the default, so
that one which does not reach the worker shows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis

from online_models.engine import Engine
from online_models.events import Event
from online_models.similarity import ItemSimilarity
from streams.model_settings import model_settings
from streams.settings import Settings
from streams.sources import bundled, source, to_records
from streams.topic_creation import ensure_topics
from streams.topics import CLICKSTREAM
from streams.worker_process import WorkerProcess
from tests.streams.broker import publish, wait_until_done
from tests.streams.shop import Record

#: Real events, in order of time: a shop with few items, whose lists are full, and eleven years later one with carts and
#: purchases. That has to be less than a hundred half-lives, or nothing would be left of the first one's lists.
PARTS: Final = (("clothing", 4_000), ("rees46", 10_000))
VIEW_SECONDS: Final = 0.2
CHOSEN: Final = {
    "UPWELL_HALF_LIFE_DAYS": "60",
    "UPWELL_DAMPING": "0.3",
    "UPWELL_RECENT_ITEMS": "7",
    "UPWELL_STEP_WEIGHT": "0.5",
    "UPWELL_LIST_LENGTH": "15",
    "UPWELL_SESSION_GAP_MINUTES": "20",
}
Entry = tuple[str, float, str | None]


@dataclass
class Both:
    """The same events, learned by an engine in this process and by a worker."""

    engine: Engine
    users: list[str]
    redis: Any

    def similar(self) -> dict[str, list[tuple[str, float, int]]]:
        """What the engine has for every `sim:` key."""
        lists = {name: part.predict_one(name) for part in self.engine.similarity for name in self._rows(part)}
        return {item: _written(entries) for item, entries in lists.items() if entries}

    def _rows(self, part: ItemSimilarity) -> list[str]:
        return [self.engine.items.names[code] for code in part.rows["item"][: len(part)].tolist()]

    def published(self) -> dict[str, list[tuple[str, float, int]]]:
        """What Redis has for them; an item whose list is empty is as good as one without."""
        keys = list(self.redis.scan_iter("sim:*", count=1000))
        values = (json.loads(value)["items"] for value in self.redis.mget(keys))
        lists = {key.removeprefix("sim:"): _entries(items, "support") for key, items in zip(keys, values, strict=True)}
        return {item: entries for item, entries in lists.items() if entries}

    def recommended(self, user: str) -> list[Entry]:
        """The list of a shopper in Redis."""
        return _entries(json.loads(self.redis.get(f"rec:{user}"))["items"], "because")


def _written(entries: list[tuple[str, float, Any]]) -> list[Any]:
    return [(item, _four_digits(score), extra) for item, score, extra in entries]


def _four_digits(score: float) -> float:
    """As scores are given out: no more than six decimals."""
    exact = Decimal(f"{score:.6f}")
    return float(exact.quantize(Decimal(1).scaleb(max(exact.adjusted() - 3, -6)), ROUND_HALF_UP)) if exact else 0.0


def _entries(items: list[dict[str, Any]], extra: str) -> list[Any]:
    return [(entry["id"], entry["score"], entry[extra]) for entry in items]


def _events() -> list[Event]:
    return [event for name, count in PARTS for event in islice(source(name).read(bundled(name)), count)]


def _impressions(events: Iterable[Event]) -> list[Event]:
    """One for every shopper, at the time of the last event: it changes no model, and has the list written anew."""
    last = {event.user_id: event for event in sorted(events, key=lambda event: event.ts)}
    return [Event(f"again-{user}", "impression", user, event.item_id, event.ts) for user, event in last.items()]


def _eventually(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return held


@pytest.fixture(scope="module")
def both(empty_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = replace(empty_stack, partitions=1, item_partitions=Settings().item_partitions)
    ensure_topics(settings)
    events = _events()
    again = _impressions(events)
    engine = Engine(model_settings(Settings.load(CHOSEN)))
    engine.learn_many(events)
    engine.learn_many(again)
    found = Both(engine, [event.user_id for event in again], Redis.from_url(settings.redis, decode_responses=True))
    log: Path = tmp_path_factory.mktemp("worker") / "log"
    with WorkerProcess(settings, log, {**CHOSEN, "UPWELL_VIEW_SECONDS": str(VIEW_SECONDS)}) as worker:
        _send(settings, events, worker)
        expected = found.similar()
        _eventually(lambda: found.published() == expected, 60.0)  # outdated lists are written when there is time
        time.sleep(2 * VIEW_SECONDS)
        _send(settings, again, worker)
        yield found


def _send(settings: Settings, events: Iterable[Event], worker: WorkerProcess) -> None:
    publish(settings, (Record(CLICKSTREAM, record.key, record.value) for record in to_records(events)))
    wait_until_done(settings, worker)


def test_similar_items_are_the_same(both: Both) -> None:
    expected = both.similar()
    assert len(expected) > 2_000
    assert both.published() == expected


def test_every_shopper_has_the_same_list_apart_from_what_fills_it_up(both: Both) -> None:
    """Items in order, scores to the last digit given out, and reasons; a worker also fills up from segments."""
    personal = all_entries = 0
    for user in both.users:
        expected, found = _written(both.engine.recommend_one(user)), both.recommended(user)
        own = [entry for entry in expected if entry[2] is not None]
        assert [entry for entry in found if entry[2] is not None] == own, user
        assert found[: len(own)] == own, user
        assert len(found) == len(expected), user
        personal += len(own)
        all_entries += len(found)
    assert len(both.users) > 3_000
    assert personal > 0.6 * all_entries
