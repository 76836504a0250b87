"""What workers publish about their lists, and what is made of it over all workers."""

from __future__ import annotations

import numpy as np
import pytest

from online_models.shown import ListsOnShow, Quality
from online_models.vocabulary import Vocabulary
from streams.counters import Counters
from streams.demo.watch import Lately


def counters(events: int) -> Counters:
    """Of a worker whose one shopper moves back and forth between two items, with no list on show."""
    items = Vocabulary()
    codes = items.codes(["lamp", "bulb"])
    made = Counters(Quality(items))
    visits = np.arange(events)
    ListsOnShow(2).score_many(np.zeros(events, np.int32), codes[visits % 2], visits, 1000, made.quality)
    return made


def test_a_worker_leaves_out_what_it_cannot_tell_yet() -> None:
    fields = counters(3).as_fields()
    assert fields["predictions"] == "2"
    assert not {"coverage", "popular_share", "drifted_at"} & fields.keys()
    assert Lately.of([fields]) == Lately(0.0, 0.0, None, None, 0, 0)
    assert Lately.of([]) == Lately(None, None, None, None, 0, 0)


def test_workers_are_summed_up_by_their_predictions() -> None:
    rich = {"recent_predictions": "300", "recent_hits": "90", "recent_reciprocal_ranks": "30", "drifts_down": "1"}
    poor = {"recent_predictions": "100", "recent_hits": "10", "recent_reciprocal_ranks": "2", "drifts_down": "2"}
    lately = Lately.of([rich | {"coverage": "0.5", "popular_share": "0.25"}, poor | {"coverage": "0.25"}])
    assert (lately.hit_rate, lately.mean_reciprocal_rank) == pytest.approx((100 / 400, 32 / 400))
    assert (lately.coverage, lately.popular_share, lately.drifts_down) == (0.5, 0.25, 3)
