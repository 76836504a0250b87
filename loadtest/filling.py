"""Put traffic into Kafka as fast as it goes."""

from __future__ import annotations

import asyncio

from loadtest.progress_bar import progress_bar
from loadtest.traffic import Traffic
from streams.replay import replay
from streams.settings import Settings


def fill(traffic: Traffic, settings: Settings) -> None:
    """Return when Kafka has acknowledged every record."""
    with progress_bar("filling Kafka", len(traffic)) as show:
        asyncio.run(replay(traffic.records(), settings.kafka, progress=lambda state: show(state.acknowledged)))
