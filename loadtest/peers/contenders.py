"""Who takes part: how each contender is started, and which package it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from streams.errors import SettingsError
from streams.settings import Settings

UPWELL: Final = "upwell"


@dataclass(frozen=True)
class Contender:
    """One program that does the job.

    Attributes
    ----------
    arguments
        What Python is started with, given the servers and a name nobody has consumed under.
    package
        What has to be installed.
    """

    arguments: Callable[[Settings, str], list[str]]
    package: str


def _module(name: str) -> Callable[[Settings, str], list[str]]:
    return lambda settings, group: ["-m", f"loadtest.peers.{name}", settings.kafka, settings.redis, group]


def _bytewax(settings: Settings, group: str) -> list[str]:
    return ["-m", "bytewax.run", f"loadtest.peers.bytewax:dataflow({settings.kafka!r}, {settings.redis!r})"]


#: In the order of their turns.
CONTENDERS: Final[dict[str, Contender]] = {
    UPWELL: Contender(lambda settings, group: ["-m", "streams", "worker"], "faust-streaming"),
    "naive": Contender(_module("naive"), "faust-streaming"),
    "quix": Contender(_module("quix"), "quixstreams"),
    "bytewax": Contender(_bytewax, "bytewax"),
}


def check_installed(names: list[str]) -> None:
    """Refuse a contender whose framework is not there.

    Raises
    ------
    SettingsError
        One is missing, or nobody is called so.

    >>> check_installed(["upwell", "naive"])
    >>> check_installed(["upwell", "flink"])
    Traceback (most recent call last):
        ...
    streams.errors.SettingsError: There is no contender flink: choose from upwell, naive, quix, bytewax.
    """
    for name in names:
        if name not in CONTENDERS:
            raise SettingsError(f"There is no contender {name}: choose from {', '.join(CONTENDERS)}.")
        try:
            version(CONTENDERS[name].package)
        except PackageNotFoundError:
            raise SettingsError(
                f"Contender {name} needs {CONTENDERS[name].package}: run `pip install 'upwell[peers]'`, or leave it "
                "out with --contenders."
            ) from None
