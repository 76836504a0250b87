"""Only what changed of a profile is written, and yet Redis always has all of it, whatever happens in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from online_models.event_time import DAY_MS
from online_models.events import CLICK, EVENT_TYPES, PURCHASE, VIEW
from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES
from online_models.learner import Learner
from online_models.shopper_kernel import moments, profiles
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.shown import Quality
from online_models.vocabulary import Vocabulary
from streams.agents import shoppers as shoppers_agent
from streams.agents.shoppers import ShoppersAgent
from streams.checkpoints.format import Checkpoint, decode, encode
from streams.counters import Counters
from streams.model_settings import model_settings
from streams.outputs import Outputs
from streams.patience import Patience
from streams.profiles import FIELDS
from streams.quick_connection import connect
from streams.read_view import ReadView
from streams.records import Record, Records
from streams.redis_calls import Write
from streams.redis_writer import RedisWriter
from streams.settings import Settings
from streams.topics import CLICKSTREAM

OWNER = "shoppers:0"
USERS = [f"shopper {n}" for n in range(6)]
START, MINUTE = 1_700_000_000_000, 60_000


def parameters() -> bytes:
    """Of models that tell shoppers apart."""
    learner, rng = Learner(), np.random.default_rng(1)
    x, z = (rng.normal(size=(1000, len(names))) for names in (PROPENSITY_FEATURES, PROFILE_FEATURES))
    learner.learn_many(x, x[:, 0] > 1.0, z, np.arange(1000))
    return msgspec.json.encode(learner.parameters())


class Shop:
    """One shoppers partition that writes to a real Redis, by one owner after the other."""

    def __init__(self, redis: Any, prefix: str, seed: int) -> None:
        self.redis, self.prefix, self.random = redis, prefix, random.Random(seed)
        self.settings = Settings(prefix=prefix)
        self.generation = self.offset = 0
        self.now = START
        self.checkpoints = [b""]

    async def begin(self, checkpoint: bytes) -> None:
        """Another owner, with the state of a checkpoint, if there is one."""
        self.generation += 1
        self.writer = RedisWriter(self.redis, self.prefix, 60, Patience(5))
        await self.writer.claim(OWNER, self.generation, 0, (0, 0), _is_current)
        self.view = ReadView(self.redis, self.prefix, Vocabulary(), 0.0, Patience(5))
        self.agent = ShoppersAgent(self.settings, self.view, Counters(Quality(self.view.items)))
        self.agent.open(0, decode(checkpoint).state if checkpoint else None)

    @property
    def shoppers(self) -> Shoppers:
        return self.agent.partitions[0].shoppers

    async def write(self, outputs: Outputs) -> None:
        await self.writer.write_many([Write(OWNER, outputs.strings, outputs.hashes)])

    async def visit(self) -> None:
        """Some act."""
        self.now += self.random.choice([1, 7, MINUTE, MINUTE, 45 * MINUTE])
        await self.act([self._any_record() for _ in range(self.random.randint(1, 5))])

    async def fold(self, records: list[Record]) -> None:
        """A micro-batch, and what it leads to."""
        await self.write((await self.agent.fold({0: self.agent.read(Records.of(records))}))[0])

    async def act(self, records: list[Record]) -> None:
        """A micro-batch, after which all who acted have their profile."""
        await self.fold(records)
        for user in {record.key.decode() for record in records if record.key}:
            if user in self.shoppers.users.names:  # it may be forgotten before the micro-batch is over
                await self.check(user)

    def _any_record(self) -> Record:
        late = self.random.choice([0, 0, 0, 3, 40 * MINUTE])
        kind, ts = self.random.randrange(len(EVENT_TYPES)), self.now + self.random.randrange(5) - late
        return self.record(self.random.choice(USERS), kind, ts)

    def record(self, user: str, kind: int, ts: int) -> Record:
        """An event."""
        self.offset += 1
        event: dict[str, Any] = {
            "event_id": str(self.offset),
            "type": EVENT_TYPES[kind],
            "user_id": user,
            "item_id": self.random.choice("abcdef"),
            "ts": ts,
        }
        event |= {"price": 9.5, "quantity": 2} if kind == PURCHASE else {}
        return Record(CLICKSTREAM, 0, self.offset, ts, user.encode(), msgspec.json.encode(event))

    def modelled(self, user: str) -> dict[str, str]:
        """What the models say of a shopper."""
        scorer, code = self.view.scorer, self.shoppers.code_one(user)
        if scorer is None:
            return {}
        record = self.shoppers.shelves.shoppers[[code]]
        (chance,), (segment,) = scorer.propensity(moments(record)), scorer.segment(profiles(record))
        return {"propensity": repr(round(float(chance), 6)), "segment": str(segment)}

    async def lose(self) -> None:
        """Redis comes back with profiles of long ago, or none, until all are written again; shoppers act meanwhile."""
        for user in self.shoppers.users.names:
            key = f"{self.prefix}user:{user}"
            await self.redis.delete(key)
            if self.random.random() < 0.5:
                await self.redis.hset(key, mapping=dict.fromkeys(FIELDS, 1))
        await self.redis.delete(f"{self.prefix}fence:{OWNER}")
        await self.visit()
        assert not self.writer.fences[OWNER].is_whole
        async for outputs in self.agent.everything(0):
            await self.write(outputs)
            await self.visit()
        await self.writer.make_whole(OWNER)
        for user in self.shoppers.users.names:
            await self.check(user)

    async def check(self, user: str) -> None:
        """The whole profile of a shopper is in Redis."""
        profile, always = self.shoppers.profile_one(user), ("events", "first_seen", "last_seen")
        found = {
            name.decode(): value.decode()
            for name, value in (await self.redis.hgetall(f"{self.prefix}user:{user}")).items()
        }
        assert {name: found.pop(name) for name in ("propensity", "segment") if name in found} == self.modelled(user)
        assert found == {name: str(value) for name, value in profile.items() if value or name in always}


async def _is_current() -> bool:
    return True


@pytest.fixture
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only five shoppers are remembered."""

    def forgetful(settings: Settings) -> Any:
        return replace(model_settings(settings), shoppers=ShopperSettings(max_shoppers=5))

    monkeypatch.setattr(shoppers_agent, "model_settings", forgetful)


async def lived(shop: Shop) -> None:
    """Whatever happens, whoever acted has the whole profile in Redis."""
    models = parameters()
    for _ in range(150):
        await shop.redis.set(f"{shop.prefix}model:parameters", models)
        match shop.random.randrange(12):
            case 0:  # a profile expires, or somebody deletes it
                await shop.redis.delete(f"{shop.prefix}user:{shop.random.choice(USERS)}")
            case 1:  # a checkpoint
                shop.checkpoints.append(encode(Checkpoint("shoppers", 0, {}, {}, 0, 1, shop.agent.freeze(0)())))
            case 2:  # another owner begins, with an older state
                await shop.begin(shop.random.choice(shop.checkpoints))
            case 3:  # no model for a while
                await shop.redis.delete(f"{shop.prefix}model:parameters")
                shop.view.scorer = None
            case 4:  # Redis comes back as it was long ago, or empty, and all is written again
                await shop.lose()
        await shop.visit()


def in_a_shop(redis_url: str, name: str, seed: int, test: Callable[[Shop], Awaitable[None]]) -> None:
    """With models, and a first owner."""

    async def connected() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            shop = Shop(redis, f"{name}:", seed)
            await redis.set(f"{shop.prefix}model:parameters", parameters())
            await shop.begin(b"")
            await test(shop)

    asyncio.run(connected())


@pytest.mark.parametrize("seed", range(4))
def test_redis_always_has_the_whole_profile(redis_url: str, request: pytest.FixtureRequest, seed: int) -> None:
    in_a_shop(redis_url, request.node.name, seed, lived)


@pytest.mark.usefixtures("few_at_a_time")
def test_it_has_when_shoppers_are_forgotten(redis_url: str, request: pytest.FixtureRequest) -> None:
    in_a_shop(redis_url, request.node.name, 9, lived)


def test_what_did_not_change_is_not_written_before_the_next_session(
    redis_url: str, request: pytest.FixtureRequest
) -> None:
    async def test(shop: Shop) -> None:
        found, key = [], f"{shop.prefix}user:ada"
        for minutes in (0, 1, 45):
            shop.now += minutes * MINUTE
            await shop.fold([shop.record("ada", VIEW, shop.now)])
            found.append(tuple(await shop.redis.hmget(key, ["view", "first_seen"])))
            await shop.redis.hset(key, "first_seen", "somebody's")
        first_seen = b"%d" % START
        assert found == [(b"1", first_seen), (b"2", b"somebody's"), (b"3", first_seen)]

    in_a_shop(redis_url, request.node.name, 1, test)


def test_after_a_loss_nothing_counts_as_written_of_those_either_whose_keys_have_expired(
    redis_url: str, request: pytest.FixtureRequest
) -> None:
    async def test(shop: Shop) -> None:
        # Given Ada, whom nothing was heard of for longer than keys are kept
        await shop.act([shop.record("ada", CLICK, START)])
        await shop.act([shop.record("bob", VIEW, START + 31 * DAY_MS)])
        # When Redis comes back as it was long ago, and all is written again
        await shop.redis.hset(f"{shop.prefix}user:ada", "click", "99")
        async for outputs in shop.agent.everything(0):
            await shop.write(outputs)
        # Then an event of her last session, which comes late, is written with all the rest
        await shop.act([shop.record("ada", VIEW, START + 1)])

    in_a_shop(redis_url, request.node.name, 1, test)
