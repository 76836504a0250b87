"""What scaling curves are made of: a point measured live, and medians over rounds that went at different paces."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from loadtest.internal_topics import Sent
from loadtest.scale_point import Point, measure_point
from loadtest.scale_rounds import Case, Place, Round, places, summaries
from loadtest.shoppers import ShopperSettings
from loadtest.surroundings import surroundings
from loadtest.traffic import Traffic, TrafficSettings

AXES = {"users": (100, 1_000, 10_000), "partitions": (4, 16)}
CASE = Case(TrafficSettings(5_000, shop=ShopperSettings(users=1_000, items=200)), 16, 4)


@pytest.fixture
def variables(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Servers for one run."""
    with surroundings(tmp_path / "servers") as found:
        yield found


def cost(us: float) -> Point:
    """A point at which an event costs so much."""
    return Point(
        events=100,
        acting_users=10,
        cpu_us_per_event=us,
        lists_per_event=0.1,
        sent={"covisits": Sent(10, 5_000)},
        seconds=1.0,
        peak_mib=300.0,
    )


def test_a_point_counts_every_event_of_the_backlog_and_nothing_before_it(
    variables: dict[str, str], tmp_path: Path
) -> None:
    # Given a shop with far more shoppers than act
    shop = ShopperSettings(users=3_000, items=200)
    traffic = Traffic(TrafficSettings(2_000, shop=shop))
    point = measure_point(traffic, variables, tmp_path / "point", lambda _: None)
    # Then nine tenths of the traffic are the backlog, and lists are only of those who act in it
    assert point.events == 1_800
    assert point.acting_users == len(np.unique(traffic.visits.user)) < shop.users / 4
    assert 0 < point.lists_per_event <= 1
    assert point.cpu_us_per_event > 0
    assert point.sent["covisits"].messages > 0


def test_a_machine_that_gets_slower_does_not_bend_the_curve() -> None:
    # Given two rounds in which everything costs more and more, and shops of 10,000 users a tenth more besides
    where = places(CASE, AXES)
    assert where == [Place("users", 100), Place("users", 10_000), Place("partitions", 4)]
    rounds = [
        Round([cost(10.5), cost(12.65), cost(12.5)], [cost(10.0), cost(11.0), cost(12.0), cost(13.0)]),
        Round([cost(21.0), cost(25.3), cost(25.0)], [cost(20.0), cost(22.0), cost(24.0), cost(26.0)]),
    ]
    # When they are set against the base case before and after each
    found = {(one["axis"], one["value"]): one for one in summaries(CASE, AXES, where, rounds)}
    # Then only those shops are dearer, and the base case is a point of each axis
    assert {place: one["ratio_to_base"] for place, one in found.items()} == {
        ("users", 100): 1.0,
        ("users", 1_000): 1.0,
        ("users", 10_000): 1.1,
        ("partitions", 4): 1.0,
        ("partitions", 16): 1.0,
    }
    assert [place for place, one in found.items() if one["is_base"]] == [("users", 1_000), ("partitions", 16)]
    assert found["users", 10_000]["cpu_us_range"] == [12.65, 25.3]
    assert found["users", 1_000]["messages_per_event"] == {"covisits": 0.1}
