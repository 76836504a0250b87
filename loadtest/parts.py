"""Where does the processor's time go? The agents alone, without Kafka: what each part of them costs per event."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from loadtest.machine import machine, package_versions
from loadtest.options import add_shop_arguments, traffic_settings
from loadtest.progress_bar import progress_bar
from loadtest.traffic import Traffic
from online_models.item_partition import item_partition
from online_models.shown import Quality
from online_models.vocabulary import Vocabulary
from streams.agents.affinity import AffinityAgent
from streams.agents.learner import LearnerAgent
from streams.agents.shoppers import ShoppersAgent
from streams.counters import Counters
from streams.decoded_events import DecodedEvents
from streams.embedded.redis import EmbeddedRedis
from streams.holding import HOLD_SECONDS
from streams.model_settings import model_settings
from streams.outputs import Outputs
from streams.patience import Patience
from streams.portion import Portion
from streams.quick_connection import connect
from streams.read_view import ReadView
from streams.records import Record, Records
from streams.settings import Settings
from streams.topics import CLICKSTREAM, COVISITS, EXAMPLES, PURCHASES
from streams.warm_up import warm_up

#: Records of a partition that are folded at a time, as while a backlog is drained.
_BATCH: Final = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `parts`."""
    parser.add_argument("--events", type=int, default=200_000, metavar="N", help="records (default: 200000)")
    parser.add_argument("--batch", type=int, default=_BATCH, metavar="N", help=f"records at a time (default: {_BATCH})")
    add_shop_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Fold and print."""
    traffic, before = Traffic(traffic_settings(options, options.events)), machine()
    with tempfile.TemporaryDirectory(prefix="upwell-parts-") as directory, EmbeddedRedis(Path(directory)) as redis:
        settings = Settings(redis=redis.url)
        seconds, volume = asyncio.run(_Parts(settings).measure(traffic, options.batch))
        report = {
            "microseconds_per_event": {name: round(1e6 * s / len(traffic), 2) for name, s in seconds.items()},
            "volume_per_event": {name: round(count / len(traffic), 4) for name, count in volume.items()},
            "machine": before,
            "versions": package_versions(),
        }
    print(msgspec.json.encode(report).decode()) if options.json else _print(report)
    return 0


class _Parts:
    """All agents of one worker, with a stopwatch on every part."""

    def __init__(self, settings: Settings) -> None:
        warm_up()
        self.settings = settings
        self.redis: Any = connect(settings)
        view = ReadView(self.redis, "", Vocabulary(), settings.view_seconds, Patience(30.0), settings.item_partitions)
        self.shoppers = ShoppersAgent(settings, view, Counters(Quality(view.items)))
        self.affinity, self.learner = AffinityAgent(view, model_settings(settings).similarity), LearnerAgent(view)
        self.seconds: dict[str, float] = {}
        self.volume: Counter[str] = Counter()
        self._blocks: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self._sent: Counter[tuple[str, int]] = Counter()
        for partition in range(settings.partitions):
            self.shoppers.open(partition, None)
        for partition in range(settings.item_partitions):
            self.affinity.open(partition, None)
        self.learner.open(0, None)
        self._watch()

    async def measure(self, traffic: Traffic, batch: int) -> tuple[Mapping[str, float], Mapping[str, int]]:
        """Fold all records; seconds by part, and how much there was of what."""
        waiting = _by_partition(traffic, self.settings.partitions)
        with progress_bar("folding", len(traffic)) as show:
            for start in range(0, max(map(len, waiting)), batch):
                parts = {partition: records[start : start + batch] for partition, records in enumerate(waiting)}
                portions = {partition: self._read(part) for partition, part in parts.items() if part}
                await self._keep(await self.shoppers.fold(portions))
                await self._fold_blocks()
                show(min(len(traffic), (start + batch) * len(waiting)))
            await asyncio.sleep(HOLD_SECONDS)
            await self._keep(await self.shoppers.fold(dict.fromkeys(range(len(waiting)))))
            await self._fold_blocks()
        await self.redis.aclose()
        return self.seconds, self.volume

    def _read(self, records: list[Record]) -> Portion[DecodedEvents]:
        """What a lane makes of deliveries of both topics."""
        by_topic = [[record for record in records if record.topic == topic] for topic in self.shoppers.topics]
        portion = Portion.joined([self.shoppers.read(Records.of(part)) for part in by_topic if part])
        return portion.chosen(np.argsort(portion.time, kind="stable"))

    async def _fold_blocks(self) -> None:
        for (topic, partition), records in self._blocks.items():
            agent = self.affinity if topic == COVISITS else self.learner
            await self._keep(await agent.fold({partition: agent.read(Records.of(records))}))
        self._blocks.clear()

    async def _keep(self, outputs: Mapping[int, Outputs]) -> None:
        """Put outputs where the others find them: what that costs is not counted here."""
        for its in outputs.values():
            for message in its.messages:
                if message.topic in (COVISITS, EXAMPLES):
                    place = message.topic, message.partition or 0
                    self._blocks[place].append(Record(*place, self._sent[place], 0, None, message.value))
                    self._sent[place] += 1
                    self.volume[f"{message.topic} bytes"] += len(message.value or b"")
            if len(its.strings):
                await self.redis.mset(dict(its.strings.pairs()))
            self.volume["strings"] += len(its.strings)
            self.volume["string bytes"] += len(its.strings.values.text)
            self.volume["hashes"] += len(its.hashes)

    def _watch(self) -> None:
        """Put stopwatches on what is of interest; indented is what is a part of the one above."""
        shoppers, affinity = self.shoppers, self.affinity
        partitions = shoppers.partitions.values()
        watched: list[tuple[str, list[tuple[object, str]]]] = [
            ("shoppers: decode", [(shoppers, "read")]),
            ("shoppers: all after that", [(shoppers, "fold")]),
            ("- fold", [(partition.shoppers, "fold") for partition in partitions]),
            ("- co-visits as blocks", [(partition.outbox, "messages") for partition in partitions]),
            ("- recommend, profiles, JSON", [(shoppers._writer, "write")]),
            ("-- merge neighbour lists", [(shoppers._writer.recommender, "predict_many")]),
            ("affinity: all", [(affinity, "fold")]),
            ("- learn", [(partition.similarity, "learn_many") for partition in affinity.partitions.values()]),
            ("- rank, JSON", [(affinity, "_outputs")]),
            ("learner: all", [(self.learner, "fold")]),
        ]
        for name, places in watched:
            for owner, attribute in places:
                setattr(owner, attribute, self._timed(name, getattr(owner, attribute)))

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a stopwatch: processor time of all threads, of which one has something to do at a time."""

        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            result = function(*arguments, **named)
            result = list(result) if inspect.isgenerator(result) else result
            self.seconds[name] += time.process_time() - began
            return result

        async def timed_async(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            result = await function(*arguments, **named)
            self.seconds[name] += time.process_time() - began
            return result

        self.seconds[name] = 0.0
        return timed_async if inspect.iscoroutinefunction(function) else timed


def _by_partition(traffic: Traffic, partitions: int) -> list[list[Record]]:
    """The records as Kafka would give them out."""
    waiting: list[list[Record]] = [[] for _ in range(partitions)]
    offsets: Counter[tuple[str, int]] = Counter()
    now_ms = int(time.time() * 1000)
    for record in traffic.records():
        place = PURCHASES if record.purchase else CLICKSTREAM, item_partition((record.key or b"").decode(), partitions)
        waiting[place[1]].append(Record(*place, offsets[place], now_ms, record.key, record.value))
        offsets[place] += 1
    return waiting


def _print(report: dict[str, Any]) -> None:
    table = Table("part", "µs of processor time per event")
    for name, microseconds in report["microseconds_per_event"].items():
        table.add_row(name, f"{microseconds:.2f}")
    Console().print(table)
    Console().print(f"Per event: {', '.join(f'{n} {name}' for name, n in report['volume_per_event'].items())}.")
