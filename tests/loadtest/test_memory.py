"""Which part of the state belongs to users and which to items follows from how it grows."""

import pytest

from loadtest.coefficients import compared, composed
from loadtest.drain import Drain
from loadtest.inspected_worker import Inspection
from loadtest.internal_topics import Sent
from loadtest.memory import BASE, ITEM, MORE_ITEMS, MORE_USERS, NEITHER, USER, figures, parts
from loadtest.redis_usage import RedisUsage
from loadtest.shop_size import ShopSize

FIXED = 50_000_000
IDS = "shoppers.partitions.shoppers.recent_ids.tables.young"


def shop(users: int, items: int) -> ShopSize:
    """A run of a worker that holds 400 bytes per user and 2,000 per item, 500 of them in every worker."""
    held = {"shoppers.records": 400 * users, "affinity.rows": 1500 * items, "shoppers.view": 500 * items, IDS: 7_000}
    redis = RedisUsage(
        1_000 * users + 2_000 * items,
        {"rec:": users, "user:": users, "sim:": items},
        {"rec:": 800.0, "user:": 200.0, "sim:": 2_000.0},
    )
    return ShopSize(
        events=10_000,
        users=users,
        items=items,
        drained=Drain(3.0, 2.0, 8_000, 1.0, 0.4, 100.0),
        held=Inspection(held, FIXED + sum(held.values())),
        redis=redis,
        checkpoints={"shoppers": 300 * users, "affinity": 1_000 * items},
        sent={"covisits": Sent(10, 3_000_000), "examples": Sent(1, 500_000)},
        versions={},
    )


@pytest.fixture
def shops() -> dict[str, ShopSize]:
    """The three runs."""
    return {BASE: shop(1_000, 100), MORE_USERS: shop(4_000, 100), MORE_ITEMS: shop(1_000, 400)}


def test_a_part_belongs_to_what_it_grows_with(shops: dict[str, ShopSize]) -> None:
    found = {part.name: (part.grows_with, part.bytes_each) for part in parts(shops)}
    assert found == {
        "shoppers.records": (USER, 400.0),
        "affinity.rows": (ITEM, 1500.0),
        "shoppers.view": (ITEM, 500.0),
        IDS: (NEITHER, None),
    }


def test_sums_agree_with_what_the_totals_grow_by(shops: dict[str, ShopSize]) -> None:
    sums = figures(shops)
    assert (sums["worker_per_user"], sums["worker_per_item"]) == (400.0, 2000.0)
    assert sums["resident_growth"] == {"per_user": 400.0, "per_item": 2000.0}
    assert (sums["redis_per_user"], sums["redis_per_item"]) == (1000.0, 2000.0)
    assert sums["redis_growth"] == {"per_user": 1000.0, "per_item": 2000.0}
    assert (sums["checkpoint_per_user"], sums["checkpoint_per_item"]) == (300.0, 1000.0)


def test_coefficients_foretell_a_shop_that_was_not_measured(shops: dict[str, ShopSize]) -> None:
    found = composed(shops, 1e8)
    assert found.worker_fixed_bytes == FIXED
    assert found.cpu_us_per_event == pytest.approx(50.0)
    assert found.internal_bytes_per_event == 350.0
    assert [row["ratio"] for row in compared(shop(2_000, 300), found)] == [1.0, 1.0, 1.0]
