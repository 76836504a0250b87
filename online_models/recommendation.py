"""What to show next: where a shopper may return to and what goes with it, merged, filtered and filled up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.candidates import Policy, empty_tally
from online_models.compiled import Floats, Int8s, Int32s
from online_models.histories import Histories
from online_models.neighbour_table import NeighbourTable, votes
from online_models.recommendation_kernel import (
    NOTHING,
    Fillers,
    Lists,
    recent_items,
    recommend,
)
from online_models.reserve import long_enough
from online_models.vocabulary import Vocabulary

#: Where the first item of a list comes from; see `Recommendations.source`.
SOURCES: Final = ("personal", "segment", "trending")


@dataclass(frozen=True)
class RecommendationSettings:
    """How neighbour lists become one list.

    Attributes
    ----------
    length
        Items in a list.
    recent_items
        How many of the newest items are asked for their neighbours.
    step_weight
        The newest item counts 1, the one before it `step_weight`, and the i-th newest i^log2(step_weight): .42 makes it
        1, .42, .25, .18, .13 and so on. That falls fast at first, and slowly further back.
    skip_owned
        Leave out what the shopper has bought or has in the cart.
    skip_current
        Leave out the item the shopper is looking at.
    """

    length: int = 20
    recent_items: int = 20
    step_weight: float = 0.42
    skip_owned: bool = True
    skip_current: bool = True


@dataclass(frozen=True)
class Recommendations:
    """Lists for n shoppers.

    Attributes
    ----------
    items, scores, because
        Shape (n, length): item codes, scores, and the code of the item that contributed most, which is the item
        itself for a return (-1: a filler).
    lengths
        Shape (n,): how many places are filled.
    source
        Shape (n,): position in `SOURCES` of what the first item is: a neighbour or a return, trending in the shopper's
        segment, or trending over all.
    """

    items: Int32s
    scores: Floats
    because: Int32s
    lengths: Int32s
    source: Int8s

    def part(self, start: int, end: int) -> Recommendations:
        """Those from number `start` to before `end`, without a copy."""
        some = slice(start, end)
        return Recommendations(
            self.items[some], self.scores[some], self.because[some], self.lengths[some], self.source[some]
        )

    @property
    def has_neighbours(self) -> NDArray[np.bool_]:
        """Shape (n,): whether a list holds more than fillers and what the shopper may return to."""
        found: NDArray[np.bool_] = ((self.because >= 0) & (self.because != self.items)).any(axis=1)
        return found


class Neighbours:
    """Neighbour lists by item code, as the recommender reads them.

    A read view: whoever fills it decides how old it may be.
    """

    def __init__(self, vocabulary: Vocabulary, length: int = 50) -> None:
        self.vocabulary = vocabulary
        self.length = length
        self.table = NeighbourTable(
            place=np.full(64, -1, np.int32),
            items=np.zeros((64, length), np.int32),
            votes=np.zeros((64, length), np.float32),
            lengths=np.zeros(64, np.int32),
        )
        self._count = 0

    def learn_one(self, item: int, items: Int32s, scores: Floats) -> None:
        """Put the neighbour list of one item in place of what was known of it; longer lists are cut."""
        self.learn_many(np.array([item], np.int32), items[None], scores[None], np.array([len(items)], np.int32))

    def learn_many(self, of: Int32s, items: Int32s, scores: Floats, lengths: Int32s) -> None:
        """Put the lists of n different items in place of what was known of them.

        Parameters
        ----------
        of
            Shape (n,): codes of the items.
        items, scores
            Shape (n, k): their neighbours, and how similar they are; longer lists are cut.
        lengths
            Shape (n,): how many of the places are filled.
        """
        places, width = self._places(of), min(items.shape[1], self.length)
        self.table.items[places, :width] = items[:, :width]
        self.table.votes[places, :width] = votes(scores[:, :width])
        self.table.lengths[places] = np.minimum(lengths, width)

    def _places(self, of: Int32s) -> Int32s:
        place = long_enough(self.table.place, len(self.vocabulary), fill=-1)
        new = of[place[of] < 0]
        place[new] = np.arange(self._count, self._count + len(new), dtype=np.int32)
        self._count += len(new)
        self.table = NeighbourTable(
            place=place,
            items=long_enough(self.table.items, self._count),
            votes=long_enough(self.table.votes, self._count),
            lengths=long_enough(self.table.lengths, self._count),
        )
        places: Int32s = place[of]
        return places


class Recommender:
    """Merges neighbour lists, and what shoppers return to, into recommendations.

    The score of an item is about how likely the next action is on it, in two parts:

    - for items of the running session, the chance of a return, P; see `online_models.returns`;
    - for neighbours, E = (Σ v · s^(2/3))^(3/2) over the shopper's `recent_items` newest items, those of earlier
      sessions included: s is the similarity to one of them, v its weight, i^log2(`step_weight`) for the i-th newest.
      With a power of 1 that were a sum; with less, what several items agree on counts more than what one alone says. An
      item of the session itself gets a tenth of that. E is scaled so that it adds up to 1 less all P, or 0.05 where
      that is more.

    What is left out takes no part in either. What remains of the list is filled with what trends in the shopper's
    segment and then with what trends over all; fillers score below every item before them. Ties are broken by item id.
    """

    def __init__(self, vocabulary: Vocabulary, settings: RecommendationSettings | None = None) -> None:
        self.vocabulary = vocabulary
        self.settings = settings or RecommendationSettings()
        self._number: Int32s = np.full(64, NOTHING, np.int32)
        self._votes: Floats = np.zeros(64)
        self._stacked: tuple[Sequence[tuple[Int32s, Floats]], Fillers] | None = None

    def recent_many(self, histories: Histories) -> Int32s:
        """The codes of the items whose neighbours will be asked for, with repetitions."""
        return recent_items(histories.shoppers, histories.items, self.settings.recent_items)

    def predict_many(
        self,
        histories: Histories,
        neighbours: Neighbours,
        segments: Int32s,
        trending: Sequence[tuple[Int32s, Floats]],
    ) -> Recommendations:
        """The lists of n shoppers.

        Parameters
        ----------
        histories
            What they did.
        neighbours
            Neighbour lists of their recent items.
        segments
            Shape (n,): the segment of each shopper, -1 for none.
        trending
            What trends, as item codes and shares, the highest share first: one list per segment, and last the one
            over all shoppers. A list that was given before is taken to be as it was.
        """
        settings, vocabulary = self.settings, self.vocabulary
        n, length = len(histories.shoppers), settings.length
        lists = Lists(
            items=np.zeros((n, length), np.int32),
            scores=np.zeros((n, length)),
            because=np.zeros((n, length), np.int32),
            lengths=np.zeros(n, np.int32),
            source=np.zeros(n, np.int8),
        )
        table = neighbours.table
        self._number = long_enough(self._number, len(vocabulary), fill=NOTHING)
        self._votes = long_enough(self._votes, len(vocabulary))
        recommend(
            histories,
            table._replace(place=long_enough(table.place, len(vocabulary), fill=-1)),
            segments,
            self._fillers(trending),
            Policy(settings.recent_items, settings.step_weight, settings.skip_owned, settings.skip_current),
            vocabulary.text,
            vocabulary.ends,
            empty_tally(self._number, self._votes, settings.recent_items * neighbours.length, length),
            lists,
        )
        return Recommendations(*lists)

    def _fillers(self, trending: Sequence[tuple[Int32s, Floats]]) -> Fillers:
        """The lists as arrays: they stay the same from call to call until somebody has new ones."""
        if self._stacked is None or self._stacked[0] is not trending:
            self._stacked = trending, _stacked(trending)
        return self._stacked[1]


def _stacked(trending: Sequence[tuple[Int32s, Floats]]) -> Fillers:
    longest = max(len(codes) for codes, _ in trending)
    fillers = Fillers(
        items=np.zeros((len(trending), longest), np.int32),
        shares=np.zeros((len(trending), longest)),
        lengths=np.zeros(len(trending), np.int32),
    )
    for row, (codes, shares) in enumerate(trending):
        fillers.items[row, : len(codes)] = codes
        fillers.shares[row, : len(codes)] = shares
        fillers.lengths[row] = len(codes)
    return fillers
