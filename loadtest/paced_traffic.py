"""Traffic at a rate of so many events per second, encoded before the first of them is due."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from loadtest.partitioning import Partitioning
from loadtest.produce_requests import Requests, produce_requests
from loadtest.traffic import Traffic
from online_models.compiled import Floats
from streams.settings import Settings

#: Starting the processes that send and look on takes a moment, and encoding the events before that some time for each.
_LEAD_SECONDS: Final = 4.0
_ENCODING_SECONDS: Final = 20e-6


@dataclass(frozen=True)
class PacedTraffic:
    """When each event is due (epoch seconds), and the requests that carry them."""

    due: Floats
    requests: Requests

    def due_now(self) -> int:
        """How many events are due by now."""
        return int(np.searchsorted(self.due, time.time()))


def paced(traffic: Traffic, rate: float, settings: Settings) -> PacedTraffic:
    """Give every event the time at which it is due as its `ts`; the first is due in a moment from now.

    Raises
    ------
    ServerError
        Kafka does not answer.
    """
    partitioning = Partitioning.ask(settings)
    lead = _LEAD_SECONDS + _ENCODING_SECONDS * len(traffic)
    due = time.time() + lead + np.arange(len(traffic)) / rate
    traffic.visits = replace(traffic.visits, ts=(1000 * due[traffic.first]).astype(np.int64))
    return PacedTraffic(due, produce_requests(traffic.records(), due, rate, partitioning))
