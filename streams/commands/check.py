"""Check the surroundings: are Kafka, Redis and workers there, do the topics fit, are the keys ours?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from rich.console import Console

from streams.checkpoints.store import CheckpointStore
from streams.counters import KEPT_SECONDS
from streams.errors import ServerError, UpwellError
from streams.kafka_admin import partition_counts
from streams.reading import open_redis, read
from streams.settings import Settings
from streams.topic_creation import check_fit
from streams.topics import topics

#: Workers report ten times a second.
_SILENT_SECONDS: Final = 10


class Finding(msgspec.Struct, frozen=True):
    """One line: what was looked at, whether it is well, and what was found or how to mend it."""

    name: str
    ok: bool
    detail: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell check`."""
    parser.add_argument("--json", action="store_true", help="print a list of {name, ok, detail}")


def run(options: argparse.Namespace) -> int:
    """Look and print; status 1 if anything is amiss."""
    settings = Settings.load()
    findings = list(check(settings))
    if options.json:
        print(msgspec.json.encode(findings).decode())
    else:
        console = Console(highlight=False)
        for finding in findings:
            mark = "[green]ok  [/]" if finding.ok else "[red]FAIL[/]"
            console.print(f"{mark} {finding.name}: ", end="")
            console.print(finding.detail, markup=False, soft_wrap=True)
    return 0 if all(finding.ok for finding in findings) else 1


def check(settings: Settings) -> Iterator[Finding]:
    """Everything that can be looked at; what depends on something missing is left out."""
    counts: dict[str, int] = {}

    def look_at_kafka() -> str:
        counts.update(partition_counts(settings))
        return f"answers at {settings.kafka}"

    kafka = _finding("Kafka", look_at_kafka)
    yield kafka
    if kafka.ok:
        yield _finding("topics", lambda: _topics(settings, counts))
    redis = _finding("Redis", lambda: _redis(settings))
    yield redis
    if redis.ok:
        yield _finding("keys", lambda: _keys(settings))
        yield _finding("workers", lambda: _workers(settings))
    yield _finding("checkpoints", lambda: _checkpoints(settings))


def _finding(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except UpwellError as error:
        return Finding(name, False, str(error))


def _topics(settings: Settings, counts: dict[str, int]) -> str:
    if not counts:
        return "none yet: the first worker creates them"
    missing = [topic.name for topic in topics(settings) if topic.name not in counts]
    if missing:
        raise ServerError(f"{', '.join(missing)} missing: start a worker, which creates them, or create them yourself.")
    check_fit(counts)
    return ", ".join(f"{name} {count}" for name, count in counts.items()) + " partitions"


def _workers(settings: Settings) -> str:
    redis = open_redis(settings)
    if complaints := read(redis.hgetall, f"{settings.prefix}stopped").values():
        raise ServerError(" ".join(sorted(set(complaints))))
    if read(redis.get, f"{settings.prefix}upwell") is None:
        return "none yet: no worker has run here"
    keys = list(read(lambda: list(redis.scan_iter(f"{settings.prefix}worker:*", count=1000))))
    # By the clock of Redis; older versions let their counters live for a day.
    alive = sum(KEPT_SECONDS - _SILENT_SECONDS < read(redis.ttl, key) <= KEPT_SECONDS for key in keys)
    if not alive:
        raise ServerError(f"none has reported for {_SILENT_SECONDS} s: start one with `upwell worker`.")
    return f"{alive} at work"


def _checkpoints(settings: Settings) -> str:
    url = settings.checkpoints_url
    try:
        CheckpointStore(url, "").try_out()
    except OSError as error:
        raise ServerError(
            f"nothing can be written at {url} ({error}): make room, or change UPWELL_CHECKPOINTS."
        ) from None
    return f"can be written at {url}"


def _redis(settings: Settings) -> str:
    info = read(open_redis(settings).info)
    version, policy = info["redis_version"], info.get("maxmemory_policy", "noeviction")
    if int(version.split(".")[0]) < 6:
        raise ServerError(f"Redis at {settings.redis_place} is version {version}: upwell needs 6 or newer.")
    if info.get("maxmemory") and policy != "noeviction":
        raise ServerError(
            f"Redis at {settings.redis_place} drops keys when its memory is full ({policy}), lists among them and what "
            "tells that they are gone: set its maxmemory-policy to noeviction."
        )
    return f"{version} answers at {settings.redis_place}"


def _keys(settings: Settings) -> str:
    redis = open_redis(settings)
    owner = read(redis.get, f"{settings.prefix}upwell")
    if owner is None:
        keys = read(redis.dbsize)
        if keys and not settings.prefix:
            raise ServerError(
                f"the database holds {keys} keys that are not upwell's: use another database or set UPWELL_PREFIX."
            )
        return "none yet: no worker has run here"
    application = owner.split()[0]
    if application != settings.application:
        raise ServerError(
            f"they belong to application {application}, not {settings.application}: "
            "use another database, UPWELL_PREFIX or UPWELL_APPLICATION."
        )
    return f"written by application {application}"
