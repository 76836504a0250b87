"""Put records into Kafka as fast as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from loadtest.progress_bar import progress_bar
from loadtest.traffic import Traffic
from streams.replay import replay
from streams.settings import Settings
from streams.sources.record import Record


def fill(traffic: Traffic, settings: Settings) -> None:
    """Return when Kafka has acknowledged every record."""
    fill_with(traffic.records(), len(traffic), settings)


def fill_with(records: Iterable[Record], count: int, settings: Settings) -> None:
    """The same for records of any kind, of which there are so many."""
    with progress_bar("filling Kafka", count) as show:
        asyncio.run(replay(records, settings.kafka, progress=lambda state: show(state.acknowledged)))
