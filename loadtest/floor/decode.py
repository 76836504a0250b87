"""Records in memory to columns of events; the clock stands still while they are fetched."""

from __future__ import annotations

from pathlib import Path

from loadtest.floor.backlog import fetches, in_batches, plain_consumer
from loadtest.floor.material import load
from loadtest.floor.stopwatch import Measured, Stopwatch
from streams.decoded_events import decoded
from streams.decoding import Decoder
from streams.delivery import MicroBatches
from streams.fetching import fetch_batches
from streams.record_batches import columns
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES
from streams.warm_up import warm_up


async def decode(settings: Settings, directory: Path) -> Measured:
    """In pieces as large as a worker gets them."""
    fetch_batches()
    warm_up()
    records, done, stopwatch = load(directory).records, 0, Stopwatch()
    decoder = Decoder(settings.max_event_bytes, settings.max_future_seconds)
    topics = (CLICKSTREAM, PURCHASES)
    async with plain_consumer(settings) as consumer:
        async for fetched in fetches(consumer, records, in_batches):
            for place, delivery in MicroBatches().iterate(fetched):
                with stopwatch:
                    found, _ = columns([batch for part in delivery.value for batch in part])
                    done += len(decoded(decoder, topics.index(place.topic), found))
    return stopwatch.measured(done)
