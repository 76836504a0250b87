"""The subcommands of `upwell`, one file each, imported when they are asked for: some take seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: What each one does, which is also the first line of its file.
COMMANDS: Final[Mapping[str, str]] = {
    "demo": "Play three hours of a real shop: Kafka, Redis and a worker start, and you see what comes out.",
    "devstack": "Run an embedded Kafka and Redis in the foreground and print the settings to use, until Ctrl-C.",
    "worker": "Run one Faust worker on the configured Kafka and Redis, until it is stopped.",
    "supervise": "Run several workers and start each one again that ends, until stopped.",
    "replay": "Publish a file of events to Kafka, as fast as it goes or at a pace.",
    "recommend": "Show what a front end would read for a shopper: recommendations, segment, propensity, counters.",
    "similar": "Show what a front end would read for an item: the items most similar to it.",
    "lag": "Show how far behind the engine is, per topic and partition. Zero: everything is folded and in Redis.",
    "evaluate": "Measure the quality of the models on events that are known.",
    "tune": "Find the settings that recommend best on your own events: try them on a replay, and print those to use.",
    "check": "Check the surroundings: are Kafka, Redis and workers there, do the topics fit, are the keys ours?",
    "size": "Tell what a shop takes: workers, partitions, memory of workers and Redis, checkpoints, time to recover.",
}
