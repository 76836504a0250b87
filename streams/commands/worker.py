"""Run one Faust worker on the configured Kafka and Redis, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
from typing import Final, NoReturn

import uvloop
from mode import Worker

from streams.app import create_app
from streams.settings import Settings
from streams.watchdog import end_within

#: Faust fetches in a thread of its own, which has to wait for the interpreter dozens of times per fetch while events
#: are being folded. With Python's default of 5 ms a fetch takes a quarter of a second.
_SWITCH_SECONDS: Final = 0.0002
#: Checkpoints come first when a worker stops. What may hold it up after that is the consumer group: aiokafka does not
#: leave it in the midst of a rebalance, and a rebalance may wait for somebody who was killed.
STOP_SECONDS: Final = 30.0


class PunctualWorker(Worker):
    """Mode's worker, which runs a service until a signal stops it, but it does not wait for ever to have stopped."""

    async def stop(self) -> None:
        """Stop the service, or end the process."""
        end_within(STOP_SECONDS)
        await super().stop()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell worker`."""
    parser.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"))


def run(options: argparse.Namespace) -> NoReturn:
    """Run until SIGTERM, Ctrl-C or an error."""
    level = options.log_level.upper()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("aiokafka").setLevel(level)
    logging.getLogger("upwell").setLevel(min(logging.getLevelName(level), logging.INFO))
    prepare_interpreter()
    app = create_app(Settings.load())
    spare_the_garbage_collector()
    worker = PunctualWorker(app, loglevel=level, logfile=None, override_logging=False, daemon=True)
    worker.execute_from_commandline()


def prepare_interpreter() -> None:
    """Python's own settings, as a worker has them; uvloop's event loop also serves Faust's thread that fetches."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def spare_the_garbage_collector() -> None:
    """What is here now stays, and a micro-batch makes thousands of objects that all die with it, none in a cycle: left
    to itself the collector would look through them again and again, for a tenth of the processor's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
