"""Compile every kernel, or load it compiled, before the first event: afterwards would be a pause in its path."""

from __future__ import annotations

import logging

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from online_models import shoppers_state, similarity_state
from online_models.engine import Engine
from online_models.events import Event
from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES
from online_models.increments import Increments
from online_models.kernel_cache import not_kept
from online_models.learner import Learner
from online_models.recommendation import Recommendations
from online_models.segments import Segments
from online_models.shoppers_state import FrozenShoppers
from online_models.shown import ListsOnShow, Quality
from online_models.similarity_state import FrozenSimilarity
from online_models.vocabulary import Vocabulary
from streams.block_reading import read_examples, read_increments
from streams.blocks import example_block, increment_blocks
from streams.counters import Counters
from streams.decoded_events import decoded
from streams.decoding import Decoder
from streams.json_lists import recommendation_lists, similarity_lists
from streams.profiles import packed_profiles
from streams.quick_packing import packed_texts
from streams.record_batches import RecordBatch, batches, columns
from streams.records import Records
from streams.unwritten import Unwritten

log = logging.getLogger("upwell")


def warm_up() -> None:
    """Run a tiny shop through everything a worker computes."""
    if not_kept:
        log.warning(
            "There is no folder in which compiled kernels can be kept, so every start takes a minute to compile them: "
            "set NUMBA_CACHE_DIR to one that this user may write to."
        )
    engine = Engine()
    engine.learn_many([Event(event_id=str(n), type="view", user_id="a", item_id=str(n), ts=n) for n in range(3)])
    engine.recommend_one("a")
    one, shopper = np.zeros(1, np.int32), np.zeros(1, np.int32)
    engine.shoppers.features_many(shopper)
    engine.shoppers.profiles_many(shopper)
    similarity_lists(engine.similarity[0].predict_many(one), 0, engine.items)
    lists = Recommendations(
        np.zeros((1, 1), np.int32),
        np.zeros((1, 1)),
        np.zeros((1, 1), np.int32),
        np.ones(1, np.int32),
        np.zeros(1, np.int8),
    )
    recommendation_lists(lists, np.zeros(1, np.int64), engine.items)
    unwritten, records = Unwritten(), engine.shoppers.shelves.shoppers
    unwritten.note(shopper, one, np.zeros(1, np.int64), records)
    fields = unwritten.take(shopper, records[shopper])
    packed_texts("", packed_profiles(records[shopper], shopper, None, fields))
    on_show, quality = ListsOnShow(1), Quality(engine.items)
    Counters(quality).count_freshness(np.zeros(1, np.int64), 0.0)
    on_show.score_many(shopper, one, np.zeros(1, np.int64), 1, quality)
    on_show.show_many(shopper, lists, quality)
    examples = np.arange(170.0) % 7.0
    session, customer = (examples[:, None] + np.arange(len(names)) for names in (PROPENSITY_FEATURES, PROFILE_FEATURES))
    Learner(segments=Segments(block=80)).learn_many(session, examples > 3.0, customer, np.arange(len(examples)))
    view = b'{"event_id":"1","type":"view","user_id":"a","item_id":"1","ts":1700000000000}'
    decoded(Decoder(len(view), 0.0), 0, _as_fetched(b"a", view)).content.columns.dense()
    increments = Increments(one, one, one.astype(np.float32), one.astype(np.int8), one.astype(np.int64))
    for block in increment_blocks("", 0, 0, increments, increments.ts, engine.items):
        read_increments([block], [-1], engine.items)
    told = engine.shoppers.fold([Event(event_id="later", type="view", user_id="a", item_id="0", ts=1 << 40)])
    read_examples([example_block("", 0, -1, told.examples, told.example_event, engine.items)], [-1], engine.items)
    shoppers_state.restored(FrozenShoppers.of(engine.shoppers).state(), Vocabulary(), engine.shoppers.settings)
    similarity_state.restored(FrozenSimilarity.of(engine.similarity[0]).state(), Vocabulary())


def _as_fetched(key: bytes, value: bytes) -> Records:
    """A record as it comes from Kafka."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    builder.append(0, 1_700_000_000_000, key, value, [])
    found = batches("", 0, bytes(builder.build()), 0, check=True)
    return columns([batch for batch in found if isinstance(batch, RecordBatch)])[0]
