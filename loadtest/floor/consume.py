"""Records out of Kafka, only touched."""

from __future__ import annotations

from pathlib import Path

from loadtest.floor.backlog import fetches, in_batches, plain_consumer
from loadtest.floor.material import load
from loadtest.floor.stopwatch import Measured, Stopwatch
from streams.fetching import fetch_batches
from streams.record_batches import columns
from streams.records import NONE
from streams.settings import Settings


async def stock(settings: Settings, directory: Path) -> Measured:
    """With aiokafka as it comes."""
    records, touched, stopwatch = load(directory).records, 0, Stopwatch()
    async with plain_consumer(settings) as consumer:
        with stopwatch:
            async for fetched in fetches(consumer, records):
                for part in fetched.values():
                    touched += sum(record.value is not None for record in part)
    return stopwatch.measured(touched)


async def batches(settings: Settings, directory: Path) -> Measured:
    """Whole batches, whose records become columns."""
    fetch_batches()
    records, touched, stopwatch = load(directory).records, 0, Stopwatch()
    async with plain_consumer(settings) as consumer:
        with stopwatch:
            async for fetched in fetches(consumer, records, in_batches):
                for part in fetched.values():
                    touched += int((columns(part)[0].values.starts != NONE).sum())
    return stopwatch.measured(touched)
