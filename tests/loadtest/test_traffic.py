from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from loadtest.shoppers import Shoppers, ShopperSettings
from loadtest.traffic import Traffic, TrafficSettings
from loadtest.truth import truth_of
from online_models.events import EVENT_TYPES, Event
from streams import decoding
from streams.decoding import Decoder, Rejection
from streams.errors import SettingsError

SHOP = ShopperSettings(users=300, items=200, clusters=8)
SETTINGS = TrafficSettings(records=20_000, duplicate_share=0.02, bad_share=0.05, shop=SHOP)
NOW_MS = 1_790_000_000_000


def decoded(traffic: Traffic) -> tuple[list[Event], list[Rejection]]:
    """What upwell itself makes of the bytes."""
    decoder = Decoder(65_536, 3600.0)
    records: list[Any] = [SimpleNamespace(key=r.key, value=r.value, timestamp=NOW_MS) for r in traffic.records()]
    found = [decoder.decode_one(record) for record in records]
    return [one for one in found if isinstance(one, Event)], [one for one in found if isinstance(one, Rejection)]


def test_the_same_seed_makes_the_same_bytes() -> None:
    assert list(Traffic(SETTINGS).records()) == list(Traffic(SETTINGS).records())
    other = replace(SETTINGS, shop=replace(SHOP, seed=2))
    assert list(Traffic(SETTINGS).records()) != list(Traffic(other).records())


def test_the_truth_is_what_a_count_of_the_bytes_gives() -> None:
    # Given the events as upwell decodes them
    traffic = Traffic(SETTINGS)
    events, rejections = decoded(traffic)

    # When every event id counts once, in a dictionary per shopper
    counts: dict[str, Counter[str]] = {}
    spend, times, seen = Counter[str](), dict[str, list[int]](), set[str]()
    for event in events:
        if event.event_id not in seen:
            seen.add(event.event_id)
            counts.setdefault(event.user_id, Counter())[event.type] += 1
            times.setdefault(event.user_id, []).append(event.ts)
            spend[event.user_id] += round(100 * event.price * event.quantity) if event.type == "purchase" else 0

    # Then that is the truth
    truth = truth_of(traffic)
    assert (truth.accepted, truth.duplicates) == (len(seen), len(events) - len(seen))
    assert truth.rejected == Counter(rejection.reason for rejection in rejections)
    assert set(truth.users) == set(counts)
    for n, user in enumerate(truth.users):
        assert truth.counts[n].tolist() == [counts[user][name] for name in EVENT_TYPES]
        assert truth.spend[n] == pytest.approx(spend[user] / 100)
        assert (truth.first_seen[n], truth.last_seen[n]) == (min(times[user]), max(times[user]))


def test_there_is_a_bad_event_for_every_reason_upwell_knows() -> None:
    documented = {line.split("`")[1] for line in (decoding.__doc__ or "").splitlines() if line.startswith("| `")}
    assert documented == set(truth_of(Traffic(SETTINGS)).rejected)


def test_shares_are_exact_and_the_first_record_is_good() -> None:
    traffic = Traffic(replace(SETTINGS, records=1000))
    assert int((traffic.source < 0).sum()) == 50
    assert int(traffic.first.sum()) == 930
    assert traffic.first[0]


def test_a_duplicate_comes_after_its_original() -> None:
    traffic = Traffic(SETTINGS)
    place = {int(event): n for n, event in enumerate(traffic.source) if traffic.first[n]}
    again = np.flatnonzero(~traffic.first & (traffic.source >= 0))
    assert all(place[int(traffic.source[n])] < n for n in again)


def test_purchases_are_marked_as_such() -> None:
    purchases = [record for record in Traffic(SETTINGS).records() if record.purchase]
    assert purchases
    assert all(b'"type":"purchase"' in record.value for record in purchases)


def test_a_visit_stays_in_its_cluster_of_taste() -> None:
    # Given visits of which nine in ten steps stay where they are
    shoppers = Shoppers(SHOP)
    visits = shoppers.visits(50_000)

    # Then about so many do, and items are of clusters that their shopper likes
    order = np.lexsort((visits.ts, visits.visit))
    cluster, visit = shoppers.catalogue.cluster[visits.item[order]], visits.visit[order]
    stays = (cluster[1:] == cluster[:-1])[visit[1:] == visit[:-1]]
    assert 0.9 < stays.mean() < 0.97
    assert (shoppers.tastes[visits.user] == shoppers.catalogue.cluster[visits.item][:, None]).any(axis=1).all()


def test_few_items_are_looked_at_often() -> None:
    shoppers = Shoppers(SHOP)
    looks = np.sort(np.bincount(shoppers.visits(50_000).item, minlength=SHOP.items))[::-1]
    assert looks[:20].sum() > 3 * looks[-100:].sum() > 0


def test_most_events_are_views() -> None:
    shares = np.bincount(Shoppers(SHOP).visits(50_000).type, minlength=len(EVENT_TYPES)) / 50_000
    assert 0.88 < shares[EVENT_TYPES.index("view")] < 0.94
    assert (shares > 0).all()


@pytest.mark.parametrize("wrong", [{"records": 0}, {"bad_share": 1.0}, {"duplicate_share": -0.1}])
def test_traffic_without_a_good_event_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="leave no good event"):
        replace(SETTINGS, **wrong)


def test_a_shop_without_items_is_refused() -> None:
    with pytest.raises(SettingsError, match="no shop"):
        ShopperSettings(items=3, clusters=4)
