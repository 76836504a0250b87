"""Run an embedded Kafka and Redis in the foreground and print the settings to use, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
from pathlib import Path

from rich.console import Console

from streams.embedded.servers import EmbeddedServers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell devstack`."""
    parser.add_argument("--kafka-port", type=int, metavar="P", help="default: a free port")
    parser.add_argument("--redis-port", type=int, metavar="P", help="default: a free port")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="keep the data here (default: nowhere)")


def run(options: argparse.Namespace) -> int:
    """Start both, wait for a signal, stop both."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="upwell-devstack-") as scratch:
        directory = options.directory or Path(scratch)
        with EmbeddedServers(
            directory, options.kafka_port, options.redis_port, persist_redis=options.directory is not None
        ) as servers:
            console = Console(highlight=False)
            checkpoints = f"UPWELL_CHECKPOINTS={directory.absolute() / 'checkpoints'}"
            console.print(
                f"export UPWELL_KAFKA={servers.kafka} UPWELL_REDIS={servers.redis} {checkpoints}", soft_wrap=True
            )
            console.print("Kafka and Redis are up; Ctrl-C stops them.")
            stop.wait()
    return 0
