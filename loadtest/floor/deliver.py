"""Records through Faust, in whole deliveries, to an agent that does nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from loadtest.floor.material import load
from loadtest.floor.stopwatch import Measured, Stopwatch
from streams.app import faust_app
from streams.delivery import AsDelivered
from streams.record_batches import columns
from streams.records import NONE
from streams.settings import Settings
from streams.topics import CLICKSTREAM, PURCHASES


async def deliver(settings: Settings, directory: Path) -> Measured:
    """From the moment the partitions are assigned."""
    records, touched, stopwatch, all_came = load(directory).records, 0, Stopwatch(), asyncio.Event()
    app = faust_app(settings)

    async def touch(stream: Any) -> None:
        nonlocal touched
        async for delivery in stream.events():
            for part in delivery.value:
                touched += int((columns(part)[0].values.starts != NONE).sum())
            if touched >= records:
                stopwatch.stop()
                all_came.set()
                return

    async def begin(*_: Any, **__: Any) -> None:
        stopwatch.start()

    app.agent(app.topic(CLICKSTREAM, PURCHASES, acks=False, schema=AsDelivered()), name="floor")(touch)
    app.on_rebalance_complete.connect(begin, weak=False)
    async with app:
        await all_came.wait()
    return stopwatch.measured(touched)
