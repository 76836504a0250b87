"""The numbers while the demo runs: what was sent, what came out, how far behind, how fresh, how good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from rich.table import Table

from streams.counters import percentile
from streams.demo.models import Models
from streams.lag import LagMeter
from streams.reading import open_redis
from streams.replay import ReplaySummary
from streams.settings import Settings


@dataclass(frozen=True)
class Lately:
    """How good the lists are lately, and how they are spread; None where no worker can tell yet.

    Attributes
    ----------
    hit_rate, mean_reciprocal_rank
        Over about the last 1,000 predictions of every worker.
    coverage
        Share of the items that were in a list lately: of the worker that shows the most.
    popular_share
        Share of the places in lists that went to the most popular hundredth of the items, over all workers.
    drifts_up, drifts_down
        How often the hit rate of a worker drifted.
    """

    hit_rate: float | None
    mean_reciprocal_rank: float | None
    coverage: float | None
    popular_share: float | None
    drifts_up: int
    drifts_down: int

    @classmethod
    def of(cls, workers: Sequence[Mapping[str, str]]) -> Lately:
        """What workers say in their `worker:` hashes."""

        def values(name: str) -> list[float]:
            return [float(worker[name]) for worker in workers if name in worker]

        predictions, spread = sum(values("recent_predictions")), values("popular_share")
        return cls(
            hit_rate=sum(values("recent_hits")) / predictions if predictions else None,
            mean_reciprocal_rank=sum(values("recent_reciprocal_ranks")) / predictions if predictions else None,
            coverage=max(values("coverage"), default=None),
            popular_share=sum(spread) / len(spread) if spread else None,
            drifts_up=int(sum(values("drifts_up"))),
            drifts_down=int(sum(values("drifts_down"))),
        )


@dataclass(frozen=True)
class Numbers:
    """One look at a running engine; counts are over all workers, freshness in ms.

    `lag` is in events, `unwritten` how many lists of similar items have yet to get to Redis.
    """

    processed: int
    duplicates: int
    rejected: int
    lists: int
    predictions: int
    hits: int
    reciprocal_ranks: float
    lately: Lately
    models: Models
    partitions: int
    unwritten: int
    lag: int
    freshness_p50: float | None
    freshness_p99: float | None

    @property
    def hit_rate(self) -> float:
        """Share of next items that were in the list on show."""
        return self.hits / self.predictions if self.predictions else 0.0

    @property
    def mean_reciprocal_rank(self) -> float:
        """Mean of 1 / rank of the next item in the list on show."""
        return self.reciprocal_ranks / self.predictions if self.predictions else 0.0


class Watch:
    """Looks at the counters that workers keep in Redis, and at the lag.

    On servers that were used before, only workers that appeared since the watch began are counted.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = open_redis(settings)
        self.meter = LagMeter(settings)
        self._earlier = set(self.redis.scan_iter(f"{settings.prefix}worker:*", count=1000))

    def look(self) -> Numbers:
        """The numbers now."""
        workers = [self.redis.hgetall(key) for key in self._workers()]

        def total(name: str) -> int:
            return sum(int(worker.get(name, 0)) for worker in workers)

        histograms = [np.array(worker["freshness"].split(","), np.int64) for worker in workers if "freshness" in worker]
        freshness = sum(histograms, np.zeros(1, np.int64))
        return Numbers(
            processed=total("accepted") + total("duplicates") + total("rejected"),
            duplicates=total("duplicates"),
            rejected=total("rejected"),
            lists=total("lists"),
            predictions=total("predictions"),
            hits=total("hits"),
            reciprocal_ranks=sum(float(worker.get("reciprocal_ranks", 0)) for worker in workers),
            lately=Lately.of(workers),
            models=Models.of(self.parameters()),
            partitions=total("partitions"),
            unwritten=total("unwritten_similar"),
            lag=self.meter.count().total,
            freshness_p50=percentile(freshness, 0.5),
            freshness_p99=percentile(freshness, 0.99),
        )

    def parameters(self) -> Any:
        """What the learner published last; None if there is nothing yet."""
        value = self.redis.get(f"{self.settings.prefix}model:parameters")
        return msgspec.json.decode(value) if value else None

    def close(self) -> None:
        """Let go of the connections."""
        self.meter.close()
        self.redis.close()

    def _workers(self) -> list[Any]:
        return [
            key
            for key in self.redis.scan_iter(f"{self.settings.prefix}worker:*", count=1000)
            if key not in self._earlier
        ]


def as_table(numbers: Numbers, sent: ReplaySummary | None) -> Table:
    """The numbers for a person."""
    seconds = sent.seconds if sent else 0.0
    rows = [
        ("events sent", f"{sent.sent if sent else 0:,}"),
        ("events processed", f"{numbers.processed:,}  ({numbers.duplicates} duplicates, {numbers.rejected} rejected)"),
        ("events/s", f"{numbers.processed / seconds:,.0f}" if seconds else "-"),
        ("lag", f"{numbers.lag:,} events"),
        ("freshness", f"{_ms(numbers.freshness_p50)} at the median, {_ms(numbers.freshness_p99)} for 99 of 100"),
        ("lists written", f"{numbers.lists:,}"),
        ("hit rate @20", f"{numbers.hit_rate:.1%} of {numbers.predictions:,} next items were on show"),
        ("lately", _lately(numbers.lately)),
        ("models", str(numbers.models)),
    ]
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(f"[bold]{name}", value)
    return table


def _lately(lately: Lately) -> str:
    if lately.hit_rate is None:
        return "-"
    parts = [f"hit rate {lately.hit_rate:.1%}, MRR {lately.mean_reciprocal_rank:.3f}"]
    if lately.coverage is not None:
        parts.append(f"{lately.coverage:.0%} of the items in lists")
    if lately.popular_share is not None:
        parts.append(f"{lately.popular_share:.0%} of the places for the most popular 1%")
    parts.append(f"drifts: {lately.drifts_up} up, {lately.drifts_down} down")
    return " · ".join(parts)


def _ms(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.0f} ms"
