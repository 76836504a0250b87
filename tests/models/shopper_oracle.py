"""The slow obvious version of `Shoppers`: plain Python that keeps all history and recomputes what is asked.

Written from the docstrings of `online_models`, so that the kernel has something to be wrong against.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np

from online_models.compiled import Float32s
from online_models.event_time import DAY_MS
from online_models.events import EVENT_TYPES, Event
from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES, profile_features, propensity_features
from online_models.increments import ACTION, FIRST_IN_SESSION, SEEN_AGAIN
from online_models.shopper_kernel import MOST_EXAMPLES
from online_models.shoppers import ACTION_WEIGHTS
from tests.models.oracles import Increment

GAP_MS = 30 * 60_000
CARRIED, CART, BOUGHT, EXAMPLE_ITEMS, REACH, BACKWARD = 7, 12, 24, 16, 50, 0.75
RETURNS_REACH = 16


class Example(NamedTuple):
    """One labelled session; `moments` are the features that it may carry."""

    event: int
    bought: int
    known_at: int
    items: list[str]
    profile: Float32s
    moments: list[Float32s]


class Standing(NamedTuple):
    """Where an item stands in its session, as returns are counted: recency from 0 to 5, the number of items to 4."""

    recency: int
    how: str
    more_than_once: bool
    distinct: int


@dataclass
class Session:
    """Events in order of arrival, impressions too; `carried` are items of the sessions before, oldest first."""

    began: int
    carried: list[str]
    previous_end: int
    events: list[Event] = field(default_factory=list)
    told: bool = False
    pause: float = 0.0
    repeats: int = 0
    moments: list[Float32s] = field(default_factory=list)  # the features before the first event, and after each

    @property
    def bought(self) -> int:
        """The label: whether there was a purchase, -1 if no other action came before it."""
        acts = [event.type for event in self.events if event.type != "impression"]
        return -1 if acts[:1] == ["purchase"] else int("purchase" in acts)

    @property
    def moments_before_purchase(self) -> list[Float32s]:
        """Those of the events; a session that begins with a purchase has only that before its first event."""
        types = [*(event.type for event in self.events), "purchase"]
        return self.moments[1 : types.index("purchase") + 1] or self.moments[:1]

    @property
    def start(self) -> int:
        return min([self.began, *(event.ts for event in self.events)])

    @property
    def items(self) -> list[str]:
        """The distinct items, the one seen longest ago first."""
        return _distinct(event.item_id for event in self.events if event.type != "impression")

    @property
    def standings(self) -> dict[str, Standing]:
        """The newest items, the newest first."""
        acts = [event.item_id for event in self.events if event.type != "impression"]
        newest = self.items[::-1][:RETURNS_REACH]
        how = "new"
        if newest and newest[0] in acts[:-1]:
            how = "again" if acts[-2] == newest[0] else "back"
        return {
            item: Standing([0, 1, 2, 3, 4, 4][p] if p < 6 else 5, how, acts.count(item) > 1, min(len(newest), 4))
            for p, item in enumerate(newest)
        }


class Shopper:
    """One user's whole history."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.sessions: list[Session] = []

    @property
    def last_seen(self) -> int:
        return max(event.ts for event in self.events)

    @property
    def known_for(self) -> int:
        return self.last_seen - min(event.ts for event in self.events) if self.events else 0

    @property
    def spend(self) -> float:
        return _total(event.price * event.quantity for event in self.events if event.type == "purchase")

    def profile(self) -> dict[str, int | float]:
        return {
            "events": len(self.events),
            **dict(zip(EVENT_TYPES, _counts(self.events), strict=True)),
            "sessions": len(self.sessions),
            "spend": self.spend,
            "first_seen": self.last_seen - self.known_for,
            "last_seen": self.last_seen,
        }

    def recent(self) -> list[str]:
        """Distinct items of this session and carried over from the ones before, oldest first."""
        session = self.sessions[-1]
        return _distinct([*session.carried, *session.items])

    def owned(self) -> tuple[list[str], list[str]]:
        """Cart and purchases, oldest first; what came late is bought, and does nothing to the cart."""
        cart: list[str] = []
        bought: list[str] = []
        in_time = {event.event_id for session in self.sessions for event in session.events}
        for event in self.events:
            if event.type in ("add_to_cart", "remove_from_cart", "purchase") and event.event_id in in_time:
                cart = [item for item in cart if item != event.item_id]
            if event.type == "add_to_cart" and event.event_id in in_time:
                cart = [*cart, event.item_id][-CART:]
            if event.type == "purchase":
                bought = [*(item for item in bought if item != event.item_id), event.item_id][-BOUGHT:]
        return cart, bought

    def is_away(self, ts: int) -> bool:
        return not self.sessions or ts - self.last_seen > GAP_MS

    def is_from_before(self, ts: int) -> bool:
        return ts < self.sessions[-1].start - GAP_MS

    def begin_session(self, ts: int) -> None:
        carried = self.recent()[-CARRIED:] if self.sessions else []
        self.sessions.append(Session(ts, carried, self.last_seen if self.sessions else 0))
        self.sessions[-1].moments.append(self.features())

    def act(self, event: Event) -> None:
        """Add an event to the running session."""
        session = self.sessions[-1]
        session.pause = max(0, event.ts - self.last_seen) / 1000.0 if session.events else 0.0
        session.repeats += event.type != "impression" and event.item_id in session.items
        self.events.append(event)
        session.events.append(event)
        session.moments.append(self.features())

    def features(self) -> Float32s:
        session = self.sessions[-1]
        counts, every = _counts(session.events), _counts(self.events)
        acts = [event for event in session.events if event.type != "impression"]
        prices = [event.price for event in session.events if event.price > 0.0]
        now = max(self.last_seen, session.start) if self.events else session.start
        out = np.zeros(len(PROPENSITY_FEATURES), np.float32)
        propensity_features(
            out,
            np.array(counts, np.int32),
            sum(counts[1:]),
            session.repeats,
            (now - session.start) / 1000.0,
            session.pause,
            _total(prices) / len(prices) if prices else 0.0,
            session.events[-1].price if session.events else 0.0,
            len(self.owned()[0]),
            len(self.sessions) - 1,
            every[-1] - counts[-1],
            (session.start - session.previous_end) / DAY_MS if session.previous_end else 0.0,
            sum(any(event.type == "purchase" for event in before.events) for before in self.sessions[:-1]),
            bool(acts) and acts[-1].type == "add_to_cart",
            bool(acts) and acts[-1].item_id in self.owned()[0],
            sum(every[1:]),
            self.known_for / DAY_MS,
        )
        return out

    def description(self) -> Float32s:
        met = sum(len(session.items) for session in self.sessions)
        counts = np.array(_counts(self.events), np.int32)
        out = np.zeros(len(PROFILE_FEATURES), np.float32)
        profile_features(out, counts, len(self.sessions), met, self.spend, self.known_for / 3_600_000)
        return out


class Folding:
    """All shoppers: what `Shoppers.fold` promises, one event at a time; increments are kept per event."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.shoppers: defaultdict[str, Shopper] = defaultdict(Shopper)
        self.increments: list[list[Increment]] = []
        self.examples: list[Example] = []
        self.trials: Counter[Standing] = Counter()
        self.hits: Counter[Standing] = Counter()
        self._open: OrderedDict[str, None] = OrderedDict()  # the session whose last event came first comes first
        self._watermark = 0
        seen: set[str] = set()
        for number, event in enumerate(events):
            self.increments.append([] if event.event_id in seen else self._fold(number, event))
            seen.add(event.event_id)

    @property
    def open_sessions(self) -> list[str]:
        return list(self._open)

    def support(self) -> Counter[tuple[str, str]]:
        """In how many sessions two items both occurred; impressions are no occurrence."""
        sessions = [session for shopper in self.shoppers.values() for session in shopper.sessions]
        return Counter(pair for session in sessions for pair in combinations(sorted(session.items), 2))

    def returns(self, user: str) -> dict[str, float]:
        """The chances that a shopper comes back to the items of the session."""
        sessions = self.shoppers[user].sessions
        return {item: self._chance(standing) for item, standing in sessions[-1].standings.items()}

    def _chance(self, standing: Standing) -> float:
        alike = [other for other in self.trials if other.recency == standing.recency]
        usual = (sum(self.hits[other] for other in alike) + 0.01) / (sum(self.trials[other] for other in alike) + 1)
        return (self.hits[standing] + 5 * usual) / (self.trials[standing] + 5)

    def _fold(self, number: int, event: Event) -> list[Increment]:
        shopper = self.shoppers[event.user_id]
        self._watermark = max(self._watermark, event.ts)
        for user in list(islice(self._open, MOST_EXAMPLES - 1)):
            if self._watermark - self.shoppers[user].last_seen <= GAP_MS:
                break
            self._tell(number, user)
        user = event.user_id
        if shopper.is_away(event.ts):
            if user in self._open:
                self._tell(number, user)
            shopper.begin_session(event.ts)
        elif shopper.is_from_before(event.ts):
            shopper.events.append(event)
            return []
        session = shopper.sessions[-1]
        before = session.items
        if event.type != "impression":
            self.trials.update(session.standings.values())
            self.hits.update(standing for item, standing in session.standings.items() if item == event.item_id)
        shopper.act(event)
        if not session.told:
            self._open[user] = None
            self._open.move_to_end(user)
        return [] if event.type == "impression" else list(_meetings(before, event))

    def _tell(self, number: int, user: str) -> None:
        shopper = self.shoppers[user]
        session, known_at = shopper.sessions[-1], shopper.last_seen + GAP_MS
        session.told = True
        del self._open[user]
        moments, items = session.moments_before_purchase, session.items[-EXAMPLE_ITEMS:]
        self.examples.append(Example(number, session.bought, known_at, items, shopper.description(), moments))


def _meetings(before: Sequence[str], event: Event) -> Iterable[Increment]:
    """What an event says, given the distinct items of its session so far, oldest first."""
    item, weight = event.item_id, ACTION_WEIGHTS[event.type]
    kind = SEEN_AGAIN if item in before else FIRST_IN_SESSION
    yield Increment(item, item, weight, ACTION, event.ts)
    for distance, other in enumerate(reversed(before), 1):
        closeness = weight * (1 / distance**0.75) if distance <= REACH else 0.0
        if other != item:
            yield Increment(other, item, closeness, kind, event.ts)
            yield Increment(item, other, BACKWARD * closeness, kind, event.ts)


def _counts(events: Iterable[Event]) -> list[int]:
    found = Counter(event.type for event in events)
    return [found[name] for name in EVENT_TYPES]


def _distinct(items: Iterable[str]) -> list[str]:
    """Each item once, in the order of its last occurrence."""
    return list(dict.fromkeys(reversed(list(items))))[::-1]


def _total(numbers: Iterable[float]) -> float:
    """Added up one after the other, as a stream does (`sum` may compensate for rounding)."""
    total = 0.0
    for number in numbers:
        total += number
    return total
