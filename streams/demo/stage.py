"""What the demo plays on: Kafka and Redis, started for it and stopped after it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streams.embedded.servers import EmbeddedServers
from streams.settings import Settings


@dataclass(frozen=True)
class Stage:
    """The settings to reach the servers with, a folder that goes with them, and what to know about them."""

    settings: Settings
    folder: Path
    notice: str | None


@contextlib.contextmanager
def servers(environment: Mapping[str, str]) -> Iterator[Stage]:
    """Kafka and Redis: those the environment names, else embedded ones for the time of the demo."""
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="upwell-demo-")))
        embedded = EmbeddedServers(scratch, stand_in_allowed=True)
        given = dict(environment)
        own_kafka, own_redis = "UPWELL_KAFKA" in given, "UPWELL_REDIS" in given
        if not own_kafka and not own_redis:
            stack.enter_context(embedded)
        elif not own_kafka:
            stack.enter_context(embedded.broker)
        elif not own_redis:
            stack.enter_context(embedded.store)
        if not own_kafka:
            given["UPWELL_KAFKA"] = embedded.kafka
        if not own_redis:
            given["UPWELL_REDIS"] = embedded.redis
        given.setdefault("UPWELL_CHECKPOINTS", str(scratch / "checkpoints"))
        yield Stage(Settings.load(given), scratch, embedded.notice)
