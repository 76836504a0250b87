"""Records in memory to columns of events; the clock stands still while they are fetched."""

from __future__ import annotations

from pathlib import Path

from loadtest.floor.backlog import fetches, plain_consumer
from loadtest.floor.material import load
from loadtest.floor.stopwatch import Measured, Stopwatch
from streams.decoded_events import decoded
from streams.decoding import Decoder
from streams.delivery import MicroBatches
from streams.records import use_plain_records
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES
from streams.warm_up import warm_up


async def decode(settings: Settings, directory: Path) -> Measured:
    """In pieces as large as a worker gets them."""
    use_plain_records()
    warm_up()
    records, done, stopwatch = load(directory).records, 0, Stopwatch()
    decoder = Decoder(settings.max_event_bytes, settings.max_future_seconds)
    topics = (CLICKSTREAM, PURCHASES)
    async with plain_consumer(settings) as consumer:
        async for fetched in fetches(consumer, records):
            for place, delivery in MicroBatches().iterate(fetched):
                with stopwatch:
                    records_here = [record for part in delivery.value for record in part]
                    done += len(decoded(decoder, topics.index(place.topic), records_here))
    return stopwatch.measured(done)
