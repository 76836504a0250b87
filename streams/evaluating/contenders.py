"""Who is measured: the engine, and the baselines beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from online_models.baselines import (
    AssociationRules,
    Baseline,
    BaselineEngine,
    ItemCosine,
    Partitioned,
    Popularity,
    SequentialRules,
    SessionKNN,
)
from online_models.engine import Engine, EngineSettings
from online_models.evaluation import Recommends
from online_models.recommendation import RecommendationSettings
from online_models.shoppers import ShopperSettings
from online_models.similarity import SimilaritySettings
from streams.evaluating.without_seen import WithoutSeen

BASELINES: Final[dict[str, Callable[[], Baseline]]] = {
    "popularity": Popularity,
    "AR": AssociationRules,
    "SR": SequentialRules,
    "item-cosine": ItemCosine,
    "session-kNN": SessionKNN,
}

#: What may be left out of the lists besides the current item; see `Rules.leave_out`.
LEAVE_OUT: Final = ("nothing", "owned", "seen")

#: As long as a list of the engine can get before what was seen is left out: neighbours of recent items, and fillers.
_UNCUT: Final = (RecommendationSettings().recent_items + 1) * SimilaritySettings().top


@dataclass(frozen=True)
class Rules:
    """The rules that are the same for everyone who is measured.

    Attributes
    ----------
    length
        Items in a list.
    allow_current
        Whether the item the shopper is looking at may be in the list.
    leave_out
        Of the other items: "nothing", what the shopper owns ("owned": bought or in the cart; as live), or everything
        the shopper ever acted on ("seen").
    gap_minutes
        A session is over after this much event time without an event of its shopper.
    """

    length: int = 20
    allow_current: bool = False
    leave_out: str = "owned"
    gap_minutes: float = ShopperSettings().session_gap_minutes

    def settings(self) -> EngineSettings:
        """What the rules mean to the engine; all else is as the workers have it."""
        return EngineSettings(
            shoppers=ShopperSettings(session_gap_minutes=self.gap_minutes),
            recommendations=RecommendationSettings(
                length=self.length, skip_current=not self.allow_current, skip_owned=self.leave_out != "nothing"
            ),
        )


def contenders(
    rules: Rules, baselines: Sequence[str], session_shares: Sequence[int]
) -> Iterator[tuple[str, Recommends]]:
    """Name and make the engine and then the baselines, one at a time.

    Parameters
    ----------
    rules
        For all of them.
    baselines
        Names of `BASELINES`.
    session_shares
        For each n a session-kNN of n partitions, each with the sessions of one in n shoppers.
    """
    yield "upwell", _made(Engine, rules)
    rivals = {name: BASELINES[name] for name in baselines}
    for n in session_shares:
        name = "session-kNN" if n == 1 else f"session-kNN 1/{n}"
        rivals[name] = partial(Partitioned, SessionKNN, n)
    for name, make in rivals.items():
        yield name, _made(partial(BaselineEngine, make()), rules)


def _made(make: Callable[[EngineSettings], Recommends], rules: Rules) -> Recommends:
    if rules.leave_out == "seen":
        return WithoutSeen(make(replace(rules, length=max(_UNCUT, rules.length)).settings()), rules.length)
    return make(rules.settings())
