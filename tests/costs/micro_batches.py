"""A shop that has run for a while, and the next micro-batch of it, as each agent gets it: again and again the same."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final, Self

import numpy as np

from loadtest.shoppers import ShopperSettings
from loadtest.traffic import Traffic, TrafficSettings
from online_models.histories import Histories
from online_models.recommendation import Recommender
from online_models.shown import Quality
from online_models.spelling import Spelling
from online_models.vocabulary import Vocabulary
from streams.agent import Agent
from streams.agents.affinity import AffinityAgent
from streams.agents.learner import LearnerAgent
from streams.agents.shoppers import ShoppersAgent
from streams.checkpoints.format import Checkpoint, decode, encode
from streams.counters import Counters
from streams.decoded_events import DecodedEvents
from streams.json_lists import recommendation_lists
from streams.model_settings import model_settings
from streams.outputs import Message, Outputs
from streams.patience import Patience
from streams.portion import Portion
from streams.publisher import Publisher, Step
from streams.quick_connection import connect
from streams.read_view import ReadView
from streams.records import Record, Records
from streams.redis_writer import RedisWriter
from streams.settings import Settings
from streams.topics import CLICKSTREAM, COVISITS, EXAMPLES, PURCHASES

#: Events that came before.
HISTORY: Final = 8_000
#: Events of a first micro-batch: a worker does some things once, such as to spell out the names of its shoppers.
_FIRST: Final = 500
#: The most events that can be asked for.
LARGEST: Final = 4_000
_SHOP: Final = ShopperSettings(users=4_000, items=1_000, events_per_second=0.5)
_ALWAYS_STALE: Final = 1e-9
_NEVER_STALE: Final = 1e9
_KEEP_SECONDS: Final = 3600

Call = Callable[[], object]


class MicroBatches:
    """Prepares calls of what the engine does per micro-batch; each begins in the state after the history.

    Nothing is read from Redis in a call: lists and models are there already, as they are most of the time.
    """

    def __init__(self, settings: Settings, records: list[Record], checkpoints: dict[str, bytes]) -> None:
        self._settings = settings
        self._records = records
        self._checkpoints = checkpoints
        self._view = _view(settings, connect(settings))

    @classmethod
    def after_history(cls, settings: Settings) -> Self:
        """Run the shop on a real Redis."""
        traffic = Traffic(TrafficSettings(HISTORY + _FIRST + LARGEST, shop=_SHOP))
        records = _records(traffic)
        checkpoints = asyncio.run(_run(replace(settings, view_seconds=_ALWAYS_STALE), records[:HISTORY]))
        made = cls(replace(settings, view_seconds=_NEVER_STALE), records[HISTORY:], checkpoints)
        items = made._view.items.codes(name.decode() for name in traffic.item_names)
        asyncio.run(made._view.refresh(np.sort(items)))
        assert made._view.scorer is not None, "the history was too short for a model"
        return made

    def decode(self, events: int) -> Call:
        """Bytes to columns."""
        agent = self._shoppers_agent()
        records = Records.of([record for record in self._records[_FIRST:][:events] if record.topic == CLICKSTREAM])
        return lambda: agent.read(records)

    def fold_shoppers(self, events: int) -> Call:
        """`Shoppers.fold`: columns to what they change and lead to."""
        agent = self._busy_shoppers_agent()
        _, columns = self._portion(agent, events).content.events()
        return lambda: agent.partitions[0].shoppers.fold(columns)

    def recommend(self, events: int) -> Call:
        """Lists of everyone who acted, as JSON."""
        agent = self._busy_shoppers_agent()
        shoppers, view = agent.partitions[0].shoppers, self._view
        _, columns = self._portion(agent, events).content.events()
        touched, shelves = shoppers.fold(columns).touched, shoppers.shelves
        recommender = Recommender(view.items, model_settings(self._settings).recommendations)
        as_of, segments = shelves.shoppers["last_seen"][touched], np.zeros(len(touched), np.int32)

        def call() -> Spelling:
            histories = Histories.of([(touched, shelves)])
            found = recommender.predict_many(histories, view.neighbours, segments, view.trending)
            return recommendation_lists(found, as_of, view.items)

        return call

    def shoppers(self, events: int) -> Call:
        """All that the shoppers agent does with decoded events."""
        agent = self._busy_shoppers_agent()
        portion = self._portion(agent, events)
        return lambda: self._told(agent, portion)

    def affinity(self, events: int) -> Call:
        """All that the affinity agent does with the blocks that follow from events."""
        agent = AffinityAgent(_view(self._settings, None))
        return self._of_blocks(agent, events, COVISITS)

    def learner(self, events: int) -> Call:
        """All that the learner does with the blocks that follow from events."""
        agent = LearnerAgent(_view(self._settings, None))
        return self._of_blocks(agent, events, EXAMPLES)

    def _of_blocks(self, agent: Agent, events: int, topic: str) -> Call:
        shoppers = self._shoppers_agent()
        records = _blocks(self._told(shoppers, self._portion(shoppers, events)), topic)
        self._open(agent)
        return lambda: at_once(agent.fold({0: agent.read(Records.of(records))}))

    def _shoppers_agent(self) -> ShoppersAgent:
        agent = ShoppersAgent(self._settings, self._view, Counters(Quality(self._view.items)))
        self._open(agent)
        return agent

    def _busy_shoppers_agent(self) -> ShoppersAgent:
        """One that has folded a micro-batch already."""
        agent = self._shoppers_agent()
        self._told(agent, _merged(agent, self._records[:_FIRST]))
        return agent

    @staticmethod
    def _told(agent: ShoppersAgent, portion: Portion[DecodedEvents]) -> list[Message]:
        """Fold, and tell the other agents at once."""
        outputs = at_once(agent.fold({0: portion}))
        return [*outputs.messages, *agent.partitions[0].outbox.messages()]

    def _open(self, agent: Agent) -> None:
        agent.open(0, decode(self._checkpoints[agent.name]).state)

    def _portion(self, agent: ShoppersAgent, events: int) -> Portion[DecodedEvents]:
        return _merged(agent, self._records[_FIRST:][:events])


_LOOP: Final = asyncio.new_event_loop()


def at_once(fold: Coroutine[Any, Any, dict[int, Outputs]]) -> Outputs:
    """What a fold of partition 0 returns."""
    return _LOOP.run_until_complete(fold)[0]


async def _run(settings: Settings, records: list[Record]) -> dict[str, bytes]:
    """All agents over some events, until nobody waits for a better list; their checkpoints."""
    redis: Any = connect(settings)
    view, patience = _view(settings, redis), Patience(settings.redis_patience_seconds)
    writer = RedisWriter(redis, settings.prefix, _KEEP_SECONDS, patience)
    shoppers = ShoppersAgent(settings, view, Counters(Quality(view.items)))
    affinity, learner = AffinityAgent(view), LearnerAgent(view)
    agents: tuple[Agent, ...] = (shoppers, affinity, learner)
    for agent in agents:
        agent.open(0, None)
    outputs = (await shoppers.fold({0: _merged(shoppers, records)}))[0]
    messages = [*outputs.messages, *shoppers.partitions[0].outbox.messages()]
    for agent, topic in ((affinity, COVISITS), (learner, EXAMPLES)):
        learned = (await agent.fold({0: agent.read(Records.of(_blocks(messages, topic)))}))[0]
        await writer.claim(agent.name, 1, 0, (0,), _nobody_newer)
        await Publisher(None, writer).publish([Step(agent.name, learned)])
    while shoppers.due(0) < math.inf:
        await shoppers.fold({0: None})
    await redis.aclose()
    return {agent.name: encode(Checkpoint(agent.name, 0, {}, {}, 0, 1, agent.freeze(0)())) for agent in agents}


async def _nobody_newer() -> bool:
    return True


def _view(settings: Settings, redis: Any) -> ReadView:
    return ReadView(redis, settings.prefix, Vocabulary(), settings.view_seconds, Patience(30.0))


def _records(traffic: Traffic) -> list[Record]:
    """The records as Kafka would give them out, of one partition."""
    now_ms, offsets, records = int(traffic.visits.ts.max()), {CLICKSTREAM: 0, PURCHASES: 0}, []
    for record in traffic.records():
        topic = PURCHASES if record.purchase else CLICKSTREAM
        records.append(Record(topic, 0, offsets[topic], now_ms, record.key, record.value))
        offsets[topic] += 1
    return records


def _merged(agent: ShoppersAgent, records: list[Record]) -> Portion[DecodedEvents]:
    """What a lane makes of deliveries of both topics."""
    by_topic = [[record for record in records if record.topic == topic] for topic in agent.topics]
    portion = Portion.joined([agent.read(Records.of(part)) for part in by_topic if part])
    return portion.chosen(np.argsort(portion.time, kind="stable"))


def _blocks(messages: Sequence[Message], topic: str) -> list[Record]:
    values = [message.value for message in messages if message.topic == topic]
    assert values, f"nothing was published to {topic}"
    return [Record(topic, 0, offset, 0, None, value) for offset, value in enumerate(values)]
