"""Records out of Kafka, only touched."""

from __future__ import annotations

from pathlib import Path

from loadtest.floor.backlog import fetches, plain_consumer
from loadtest.floor.material import load
from loadtest.floor.stopwatch import Measured, Stopwatch
from streams.records import use_plain_records
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


async def plain(settings: Settings, directory: Path) -> Measured:
    """With our smaller records."""
    use_plain_records()
    return await stock(settings, directory)
