"""Points on three axes, measured in turn with the base case between them, several times, and set against it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from loadtest.progress_bar import progress_bar
from loadtest.scale_point import Point, measure_point
from loadtest.traffic import Traffic, TrafficSettings

#: Axes that are partition counts; the others belong to the shop.
_COUNTS: Final = ("partitions", "item_partitions")


class Place(NamedTuple):
    """A value on an axis; all else is as in the base case."""

    axis: str
    value: int


@dataclass(frozen=True)
class Case:
    """The base case: traffic in a shop, and how many partitions the inputs and `covisits` have."""

    traffic: TrafficSettings
    partitions: int
    item_partitions: int

    def value(self, axis: str) -> int:
        """Where it lies on an axis."""
        return int(getattr(self if axis in _COUNTS else self.traffic.shop, axis))

    def at(self, place: Place) -> Case:
        """The same but for one value. As much happens in an hour as before: with more users each comes less often.

        >>> from loadtest.shoppers import ShopperSettings
        >>> case = Case(TrafficSettings(100, shop=ShopperSettings(users=50)), 8, 2)
        >>> case.at(Place("users", 500)).traffic.shop.users, case.at(Place("partitions", 4)).partitions
        (500, 4)
        """
        if place.axis == "partitions":
            return replace(self, partitions=place.value)
        if place.axis == "item_partitions":
            return replace(self, item_partitions=place.value)
        shop = replace(self.traffic.shop, **{place.axis: place.value})
        return replace(self, traffic=replace(self.traffic, shop=shop))


@dataclass(frozen=True)
class Round:
    """Every place once, and the base case before the first, after the last and between them."""

    points: list[Point]
    bases: list[Point]

    def ratios(self) -> list[float]:
        """Cost at each place over that of the base case just before and after it: machines change their pace."""
        references = [statistics.mean(one.cpu_us_per_event for one in pair) for pair in pairwise(self.bases)]
        return [point.cpu_us_per_event / it for point, it in zip(self.points, references, strict=True)]


def places(case: Case, axes: Mapping[str, Sequence[int]]) -> list[Place]:
    """What there is to measure; the base case, which is measured anyway, is not among it.

    >>> places(Case(TrafficSettings(100), 16, 2), {"partitions": (4, 16, 64)})
    [Place(axis='partitions', value=4), Place(axis='partitions', value=64)]
    """
    return [Place(axis, value) for axis, values in axes.items() for value in values if value != case.value(axis)]


def measure_rounds(
    case: Case, where: Sequence[Place], rounds: int, variables: Mapping[str, str], directory: Path
) -> Iterator[Round]:
    """One round after the other; every second one the other way round, so that none always comes late."""
    total, number = rounds * (2 * len(where) + 1), 0

    def measured(one: Case, name: str) -> Point:
        nonlocal number
        number += 1
        with progress_bar(f"{number} of {total}: {name}", one.traffic.records) as show:
            folder = directory / f"{number}-{name.replace(' ', '-')}"
            return measure_point(Traffic(one.traffic), {**variables, **_counts(one)}, folder, show)

    for turn in range(rounds):
        order = list(where) if turn % 2 == 0 else list(reversed(where))
        bases, points = [measured(case, "base")], dict[Place, Point]()
        for place in order:
            points[place] = measured(case.at(place), f"{place.axis} {place.value}")
            bases.append(measured(case, "base"))
        yield Round([points[place] for place in where], bases if turn % 2 == 0 else bases[::-1])


def _counts(case: Case) -> dict[str, str]:
    return {f"UPWELL_{axis.upper()}": str(case.value(axis)) for axis in _COUNTS}


def summaries(
    case: Case, axes: Mapping[str, Sequence[int]], where: Sequence[Place], rounds: Sequence[Round]
) -> list[dict[str, Any]]:
    """Per axis its values in order, the base among them, each with medians over the rounds."""
    ratios = list(zip(*(one.ratios() for one in rounds), strict=True))
    points = list(zip(*(one.points for one in rounds), strict=True))
    bases = [base for one in rounds for base in one.bases]
    found = []
    for axis, values in axes.items():
        for value in values:
            if value == case.value(axis):
                figures = {"is_base": True, **summary(bases, [1.0])}
            else:
                n = where.index(Place(axis, value))
                figures = {"is_base": False, **summary(points[n], ratios[n])}
            found.append({"axis": axis, "value": value, **figures})
    return found


def summary(points: Sequence[Point], ratios: Sequence[float]) -> dict[str, Any]:
    """Medians, and the lowest and highest of what counts."""
    costs = [one.cpu_us_per_event for one in points]
    topics = points[0].sent
    return {
        "cpu_us_per_event": round(statistics.median(costs), 2),
        "cpu_us_range": [round(min(costs), 2), round(max(costs), 2)],
        "ratio_to_base": round(statistics.median(ratios), 3),
        "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
        "lists_per_event": round(statistics.median(one.lists_per_event for one in points), 3),
        "messages_per_event": {
            topic: round(statistics.median(one.sent[topic].messages / one.events for one in points), 5)
            for topic in topics
        },
        "bytes_per_event": {
            topic: round(statistics.median(one.sent[topic].bytes / one.events for one in points), 1) for topic in topics
        },
        "peak_mib": round(statistics.median(one.peak_mib for one in points), 1),
        "seconds": round(statistics.median(one.seconds for one in points), 2),
        "acting_users": round(statistics.median(one.acting_users for one in points)),
    }
