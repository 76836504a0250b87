"""Send every event when it is due, however long the ones before it took: as visitors do, who do not wait for us."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadtest.cpu_share import CpuShare
from loadtest.paced_traffic import PacedTraffic
from loadtest.pipeline_connection import PipelineConnection
from loadtest.produce_requests import Request
from online_models.compiled import Floats


@dataclass(frozen=True)
class Sending:
    """When each event was due, sent and acknowledged by Kafka: epoch seconds, NaN where it never was; and the share of
    a core that sending took."""

    due: Floats
    sent: Floats
    acknowledged: Floats
    cpu_share: float


@dataclass(frozen=True)
class SentRequests:
    """The same per request."""

    sent: Floats
    acknowledged: Floats
    cpu_share: float

    def of_events(self, events: PacedTraffic) -> Sending:
        """The same per event."""
        carrier = events.requests.request_of
        return Sending(events.due, self.sent[carrier], self.acknowledged[carrier], self.cpu_share)


def send_open_loop(requests: Sequence[Request]) -> SentRequests:
    """Send requests when they are due; return when Kafka has acknowledged all. Runs in a process of its own.

    Raises
    ------
    ServerError
        Kafka cannot be reached or refuses an event.
    """
    sent, acknowledged = np.full(len(requests), np.nan), np.full(len(requests), np.nan)
    connections = {broker: PipelineConnection(broker, acknowledged) for broker in {one.broker for one in requests}}
    time.sleep(max(0.0, requests[0].due - time.time()))
    with CpuShare() as share:
        for number, request in enumerate(requests):
            while (wait := request.due - time.time()) > 0:
                time.sleep(wait)
            sent[number] = time.time()
            connections[request.broker].send(request.frame)
    for connection in connections.values():
        connection.finish()
    return SentRequests(sent, acknowledged, share.measured)
