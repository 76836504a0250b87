"""Compare what the engine counted with the truth: nothing lost, nothing counted twice, every bad event set aside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from redis import Redis

from loadtest.as_of import TAIL, as_of
from loadtest.truth import Truth
from online_models.events import EVENT_TYPES
from streams.reading import open_redis, read
from streams.settings import Settings
from streams.topics import REJECTED

_AT_ONCE: Final = 1000
_EXAMPLES: Final = 3


def mistakes(truth: Truth, settings: Settings) -> list[str]:
    """One sentence per kind of mistake; none if all is right."""
    return [
        *_of_counters(truth, worker_counters(settings)),
        *_of_dead_letters(truth, settings),
        *_of_users(truth, settings),
        *_of_lists(truth, settings),
    ]


def worker_counters(settings: Settings) -> dict[str, int]:
    """The whole numbers that the workers count, summed over the workers."""
    redis = open_redis(settings)
    total: dict[str, int] = {}
    for key in redis.scan_iter(f"{settings.prefix}worker:*", count=_AT_ONCE):
        for name, text in read(redis.hgetall, key).items():
            if text.isdigit():
                total[name] = total.get(name, 0) + int(text)
    return total


def _of_counters(truth: Truth, counted: Mapping[str, int]) -> Iterator[str]:
    expected = {"accepted": truth.accepted, "duplicates": truth.duplicates, "rejected": sum(truth.rejected.values())}
    expected |= {f"rejected:{reason}": count for reason, count in truth.rejected.items()}
    for name, count in expected.items():
        if counted.get(name, 0) != count:
            yield f"The worker counted {counted.get(name, 0)} events as {name} instead of {count}."


def _of_dead_letters(truth: Truth, settings: Settings) -> Iterator[str]:
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.split(","))
    try:
        found = sum(consumer.end_offsets([TopicPartition(REJECTED, 0)]).values())
    finally:
        consumer.close()
    if found != sum(truth.rejected.values()):
        yield f"Topic {REJECTED} holds {found} records instead of {sum(truth.rejected.values())}."


def _of_users(truth: Truth, settings: Settings) -> Iterator[str]:
    redis, start = open_redis(settings), f"{settings.prefix}user:"
    known = {key.removeprefix(start) for key in redis.scan_iter(f"{start}*", count=_AT_ONCE)}
    if strangers := known - set(truth.users):
        yield f"{len(strangers)} shoppers are in Redis that never came, such as {min(strangers)}."
    events, wrong = 0, list[str]()
    profiles = _many(redis, "hgetall", [f"{start}{user}" for user in truth.users])
    for n, (user, fields) in enumerate(zip(truth.users, profiles, strict=True)):
        events += int(fields.get("events", 0))
        if complaint := _complaint(truth, n, fields):
            wrong.append(f"{user} with {complaint}")
    if events != truth.accepted:
        yield f"The shoppers' events add up to {events} instead of {truth.accepted}."
    if wrong:
        yield f"{len(wrong)} of {len(truth.users)} shoppers have wrong counters: {'; '.join(wrong[:_EXAMPLES])}."


def _complaint(truth: Truth, n: int, fields: Mapping[str, str]) -> str:
    counts: list[int] = truth.counts[n].tolist()
    expected = {"events": sum(counts), **dict(zip(EVENT_TYPES, counts, strict=True))}
    expected |= {"first_seen": int(truth.first_seen[n]), "last_seen": int(truth.last_seen[n])}
    wrong = [
        f"{name} {fields.get(name)} instead of {count}"
        for name, count in expected.items()
        if fields.get(name, "0") != str(count)
    ]
    spend, found = float(truth.spend[n]), fields.get("spend", "0")
    if not abs(float(found) - spend) <= 1e-6:
        wrong.append(f"spend {found} instead of {spend}")
    return ", ".join(wrong)


def _of_lists(truth: Truth, settings: Settings) -> Iterator[str]:
    """A list that does not take account of its shopper's last event is a list that was lost on its way."""
    redis = Redis.from_url(settings.redis)
    tails = _many(redis, "getrange", [f"{settings.prefix}rec:{user}" for user in truth.users], *TAIL)
    pairs = zip(truth.users, tails, truth.last_seen.tolist(), strict=True)
    wrong = [user for user, tail, last_seen in pairs if as_of(tail) != last_seen]
    if wrong:
        yield (
            f"{len(wrong)} of {len(truth.users)} shoppers have no list that takes account of their last event, "
            f"such as {', '.join(wrong[:_EXAMPLES])}."
        )


def _many(redis: Any, command: str, keys: Sequence[str], *arguments: Any) -> Iterator[Any]:
    """The answers for all keys, never many at a time: there may be a million."""
    for start in range(0, len(keys), _AT_ONCE):
        pipeline = redis.pipeline(transaction=False)
        for key in keys[start : start + _AT_ONCE]:
            getattr(pipeline, command)(key, *arguments)
        yield from read(pipeline.execute)
