"""Taobao: every behaviour, broken files, and the published counts where the data is at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from online_models.events import Event
from streams.sources import SourceError, read_taobao
from tests.sources.shared_data import shared

HEADER = "user_id,item_id,category_id,behavior,ts\n"


def test_every_behaviour_becomes_an_event(tmp_path: Path) -> None:
    path = tmp_path / "taobao.csv"
    path.write_text(HEADER + "7,1,9,pv,1511539217\n7,1,9,fav,1511539218\n7,1,9,cart,1511539218\n7,1,9,buy,1511539300\n")
    assert list(read_taobao(path)) == [
        Event("taobao-1511539217000-1", "view", "7", "1", 1_511_539_217_000),
        Event("taobao-1511539218000-2", "add_to_wishlist", "7", "1", 1_511_539_218_000),
        Event("taobao-1511539218000-3", "add_to_cart", "7", "1", 1_511_539_218_000),
        Event("taobao-1511539300000-4", "purchase", "7", "1", 1_511_539_300_000),
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("7,1,9,steal,1511539217", "behavior 'steal' is none of pv, cart, fav, buy"),
        ("7,1,9,pv,soon", "invalid literal for int"),
        (",1,9,pv,1511539217", "user_id or item_id is empty"),
        ("7,1,9,pv", "4 columns are too few"),
        ("7,1,9,pv,1511539216", "earlier than the line before; sort the file by ts"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    path = tmp_path / "taobao.csv"
    path.write_text(f"{HEADER}7,1,9,pv,1511539217\n{row}\n")
    with pytest.raises(SourceError, match=complaint) as caught:
        list(read_taobao(path))
    assert str(caught.value).startswith(f"{path}, line 3: ")


def test_a_file_without_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "UserBehavior.csv"
    path.write_text("7,1,9,pv,1511539217\n")
    with pytest.raises(SourceError, match="line 1: no column is named user_id, item_id, behavior, ts"):
        next(read_taobao(path))


def test_the_815_users_have_their_published_counts() -> None:
    events = list(read_taobao(shared("taobao-815-users.csv.gz")))
    assert Counter(event.type for event in events) == {
        "view": 75_837,
        "add_to_cart": 4_497,
        "add_to_wishlist": 2_356,
        "purchase": 1_750,
    }
    assert len({event.user_id for event in events}) == 815
    assert len({event.event_id for event in events}) == 84_440
