"""The labelled sessions of a recording, as the shoppers agent makes them for the learner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from online_models.examples import Examples
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.vocabulary import Vocabulary
from streams.evaluating.recording import read_recording

_BATCH = 4096


def read_examples(path: Path) -> Examples:
    """All sessions of a recording that are over by its last event, in the order in which they were known to be.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    events = list(read_recording(path))
    shoppers = Shoppers(Vocabulary(), _remembering_all(len(events)))
    return _joined(shoppers.fold(events[start : start + _BATCH]).examples for start in _bar(len(events), _BATCH))


def read_examples_with_last_events(path: Path) -> tuple[Examples, list[str]]:
    """The same, and the type of the last event each session had at the moment that its features describe.

    An example does not name its moment: it is found by its features, down to the last bit. Where two moments agree in
    all of them, the later one counts.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    events = list(read_recording(path))
    shoppers = Shoppers(Vocabulary(), _remembering_all(len(events)))
    types: dict[bytes, str] = {}
    found: list[Examples] = []
    last_events: list[str] = []
    for place in _bar(len(events), 1):
        event = events[place]
        examples = shoppers.fold([event]).examples
        if len(examples):
            found.append(examples)
            last_events += [types.get(row.tobytes(), "none") for row in examples.features]
        moment = shoppers.features_many(np.array([shoppers.code_one(event.user_id)], np.int32))
        types[moment[0].tobytes()] = event.type
    return _joined(found), last_events


def _remembering_all(events: int) -> ShopperSettings:
    return ShopperSettings(duplicate_window=max(1 << 10, events))


def _bar(total: int, step: int) -> Iterator[int]:
    """The starts of all batches, with a progress bar."""
    return iter(track(range(0, total, step), description="folding", console=Console(stderr=True), transient=True))


def _joined(parts: Iterator[Examples] | list[Examples]) -> Examples:
    return Examples.joined([Examples.empty(), *parts])
