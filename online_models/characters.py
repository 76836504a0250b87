"""Segments in words: a name of its own for each, and what sets its customers apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from online_models.compiled import Floats

#: What customers do who are above, or below, the average customer in a profile feature.
_HABITS: Final = {
    "log_sessions": ("visit more often", "have visited less often"),
    "log_session_events": ("make longer visits", "make shorter visits"),
    "variety": ("look at more different items", "return more to the same items"),
    "cart_share": ("fill the cart more", "use the cart less"),
    "wish_share": ("use the wish list more", "use the wish list less"),
    "log_purchases": ("buy more often", "buy less often"),
    "log_spend": ("spend more", "spend less"),
    "log_hours_known": ("have known the shop longer", "are newer to the shop"),
}
#: Names, and the deviations from the average customer that earn them.
_CHARACTERS: Final[Mapping[str, Mapping[str, float]]] = {
    "Big spenders": {"log_spend": 1.0, "log_purchases": 0.4},
    "Loyal buyers": {"log_purchases": 1.0, "log_sessions": 0.8, "log_hours_known": 0.6},
    "Quick buyers": {"log_purchases": 1.0, "log_session_events": -0.7, "log_sessions": -0.5},
    "Cart builders": {"cart_share": 1.0, "log_purchases": -0.4},
    "Wish listers": {"wish_share": 1.0, "log_purchases": -0.2},
    "One-look visitors": {"log_session_events": -1.0, "log_sessions": -0.6, "log_hours_known": -0.5},
    "Window shoppers": {"log_session_events": 1.0, "log_purchases": -0.6, "cart_share": -0.4},
    "Explorers": {"variety": 1.0, "log_session_events": 0.7},
    "Comparers": {"variety": -1.0, "log_session_events": 0.4},
    "Regular visitors": {"log_sessions": 1.0, "log_hours_known": 0.7, "log_purchases": -0.3},
    "Newcomers": {"log_hours_known": -1.0, "log_sessions": -1.0, "log_session_events": 0.4},
    "Slow returners": {"log_hours_known": 1.0, "log_session_events": -0.6},
}
#: Deviations smaller than this many standard deviations are not worth a word.
_NOTABLE: Final = 0.35


class Segment(NamedTuple):
    """One group of customers: its share of the recent ones, its middle in the units of the features."""

    number: int
    name: str
    sentence: str
    share: float
    centroid: dict[str, float]


def described(features: Sequence[str], from_average: Floats, middles: Floats, shares: Floats) -> list[Segment]:
    """All segments by number.

    Parameters
    ----------
    features
        Names of the columns of the next two.
    from_average, middles
        One row per segment: its middle in standard deviations from the average customer, and in the units of the
        features.
    shares
        Of the customers.
    """
    deviations = [dict(zip(features, row, strict=True)) for row in from_average.tolist()]
    units = [dict(zip(features, row, strict=True)) for row in middles.tolist()]
    told = zip(character_names(deviations), deviations, shares.tolist(), units, strict=True)
    return [Segment(i, name, sentence(apart), *rest) for i, (name, apart, *rest) in enumerate(told)]


def sentence(deviations: Mapping[str, float]) -> str:
    """Say in what a segment differs most from the average customer.

    >>> sentence({"log_spend": 2.0, "variety": -0.5, "log_purchases": 0.1})
    'They spend more and return more to the same items than the average customer.'
    """
    strongest = sorted(deviations, key=lambda name: -abs(deviations[name]))[:3]
    habits = [
        _HABITS.get(name, (f"have more {name}", f"have less {name}"))[deviations[name] < 0.0]
        for name in strongest
        if abs(deviations[name]) >= _NOTABLE
    ]
    if not habits:
        return "They are close to the average customer in everything."
    words = " and ".join([", ".join(habits[:-1]), habits[-1]] if habits[1:] else habits)
    return f"They {words} than the average customer."


def character_names(segments: Sequence[Mapping[str, float]]) -> list[str]:
    """Give each segment a name of its own, by its deviations from the average customer; the best match first.

    >>> character_names([{"log_spend": 2.0}, {"log_spend": 3.0}, {"log_spend": 0.1}])
    ['Big spenders 2', 'Big spenders', 'Average shoppers']
    """
    match = np.zeros((len(segments), len(_CHARACTERS)))
    for j, wanted in enumerate(_CHARACTERS.values()):
        norm = np.sqrt(sum(weight * weight for weight in wanted.values()))
        for i, deviations in enumerate(segments):
            match[i, j] = sum(w * deviations.get(name, 0.0) for name, w in wanted.items()) / norm
    enough = np.maximum(match.max(axis=1) / 2.0, _NOTABLE)
    characters = list(_CHARACTERS)
    given: dict[int, str] = {}
    for place in np.argsort(-match, axis=None, kind="stable").tolist():
        i, j = divmod(place, len(characters))
        if match[i, j] >= enough[i] and i not in given and characters[j] not in given.values():
            given[i] = characters[j]
    for i in range(len(segments)):
        if i not in given:
            usual = characters[int(match[i].argmax())] if match[i].max() >= _NOTABLE else "Average shoppers"
            taken = sum(name.startswith(usual) for name in given.values())
            given[i] = f"{usual} {taken + 1}" if taken else usual
    return [given[i] for i in range(len(segments))]
