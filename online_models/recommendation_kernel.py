"""The loops of `online_models.recommendation`."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from online_models.compiled import Bytes, Floats, Int8s, Int32s, Int64s, Records, compiled, unlocked
from online_models.histories import Histories
from online_models.neighbour_table import NeighbourTable, ask_for
from online_models.ranking import insert, rounded
from online_models.returns import REACH, chance
from online_models.shopper_records import Shopper
from online_models.uncounted import uncounted

NOTHING: Final = -1
_PERSONAL, _SEGMENT, _TRENDING = 0, 1, 2
#: What the first filler scores, as a part of the entry before it: less than half, so that 0.000001 rounds to 0.
_FILLER: Final = 0.4
#: What the neighbours of its items say of an item of the session itself counts so much: that it comes back is counted.
_IN_SESSION: Final = 0.1
#: At least this much of every list is for other items than those of the session.
_LEAST_NEW: Final = 0.05
#: No score grows by more when it is rounded.
_ROUNDING: Final = 1e-6


class Fillers(NamedTuple):
    """Trending lists as rows, the last one over all shoppers: item codes, shares, lengths."""

    items: Int32s
    shares: Floats
    lengths: Int32s


class Tally(NamedTuple):
    """One shopper's candidates while their scores are summed.

    Attributes
    ----------
    number, votes
        By item code: which candidate it is, -1 for none, and the sum of its votes; all -1 and 0 between shoppers.
    item, total
        By number: its code, and its score. They lie close together, however large the catalogue is.
    best
        By place in the list: the largest single vote for the item there.
    back
        The chances of a return to the newest items of the session, the newest first.
    """

    number: Int32s
    votes: Floats
    item: Int32s
    total: Floats
    best: Floats
    back: Floats


def empty_tally(number: Int32s, votes: Floats, most_votes: int, length: int) -> Tally:
    """Room for as many candidates as there can be votes, and the items of a session; for lists of some length."""
    room = most_votes + REACH + 1
    return Tally(number, votes, np.empty(room, np.int32), np.empty(room), np.empty(length), np.empty(REACH))


class Lists(NamedTuple):
    """The result, one row a shopper; see `online_models.recommendation.Recommendations`."""

    items: Int32s
    scores: Floats
    because: Int32s
    lengths: Int32s
    source: Int8s


class Policy(NamedTuple):
    """`RecommendationSettings` as the kernel takes them."""

    recent_items: int
    step_weight: float
    skip_owned: bool
    skip_current: bool


@compiled
def recent_items(shoppers: Records, items: Int32s, most: int) -> Int32s:
    """Codes of the newest items of shoppers, with repetitions."""
    recent = np.zeros(len(shoppers) * most, np.int32)
    n = 0
    for shopper in range(len(shoppers)):
        s = shoppers[shopper]
        length = min(most, s.items_length)
        end = s.items_start + s.items_length
        recent[n : n + length] = items[end - length : end]
        n += length
    return recent[:n]


@unlocked
def recommend(
    histories: Histories,
    neighbours: NeighbourTable,
    segments: Int32s,
    fillers: Fillers,
    policy: Policy,
    text: Bytes,
    ends: Int64s,
    tally: Tally,
    lists: Lists,
) -> None:
    """Fill `lists` for the shoppers of `histories`."""
    items, weights = histories.items, _weights(policy)
    overall, room = len(fillers.lengths) - 1, lists.items.shape[1]
    for n in range(len(histories.shoppers)):
        s, returns = histories.shoppers[n], histories.returns[histories.partition[n]]
        end = s.items_start + s.items_length
        recent = items[max(s.items_start, end - policy.recent_items) : end]
        ask_for(recent, neighbours)
        count = _sum_up(recent, neighbours, weights, tally)
        owned = items[s.owned_start : s.owned_start + s.cart_length + s.bought_length]
        _exclude(owned, recent, policy, tally)
        session = items[end - s.session_items : end]
        count, share = _weigh(s, owned, recent, session, returns, policy, count, tally)
        length = base = _best(count, tally, text, ends, lists.items[n], lists.scores[n])
        for c in range(count):
            tally.number[tally.item[c]] = NOTHING
        _give_reasons(lists.items[n, :base], lists.because[n], recent, session, share, neighbours, weights, tally)
        lists.source[n] = _PERSONAL if base else _TRENDING
        if base < room and segments[n] >= 0:
            length = _fill(n, base, length, segments[n], owned, recent, fillers, policy, text, ends, lists)
            if base == 0 and length > 0:
                lists.source[n] = _SEGMENT
        if base < room:
            length = _fill(n, base, length, overall, owned, recent, fillers, policy, text, ends, lists)
        lists.lengths[n] = length


@compiled
def _weights(policy: Policy) -> Floats:
    """What the neighbours of each of the recent items count, the newest first."""
    fall = np.log2(policy.step_weight) if policy.step_weight > 0.0 else -np.inf
    weights = np.zeros(policy.recent_items)
    for i in range(policy.recent_items):
        weights[i] = float(i + 1) ** fall
    return weights


@uncounted
def _best(count: int, tally: Tally, text: Bytes, ends: Int64s, items: Int32s, scores: Floats) -> int:
    """Begin a list with the best candidates; return how many it has."""
    length, room = 0, len(items)
    for c in range(count):
        if length == room and tally.total[c] + _ROUNDING < scores[room - 1]:
            continue
        score = rounded(tally.total[c])
        if score > 0.0:
            at = insert(tally.item[c], score, length, items, scores, text, ends)
            length = min(length + (at >= 0), room)
    return length


@uncounted
def _give_reasons(
    listed: Int32s,
    because: Int32s,
    recent: Int32s,
    session: Int32s,
    share: float,
    neighbours: NeighbourTable,
    weights: Floats,
    tally: Tally,
) -> None:
    """Say which item cast the largest vote for each of those listed, or that a return to it is likelier than that.

    It takes a second look at the votes, but only for what is listed: most candidates never are.
    """
    for j in range(len(listed)):
        tally.number[listed[j]], tally.best[j] = j, 0.0
    for i in range(len(recent)):
        voter = recent[len(recent) - 1 - i]
        row = neighbours.place[voter]
        if row < 0:
            continue
        for k in range(neighbours.lengths[row]):
            j = tally.number[neighbours.items[row, k]]
            if j >= 0 and weights[i] * neighbours.votes[row, k] > tally.best[j]:
                tally.best[j], because[j] = weights[i] * neighbours.votes[row, k], voter
    for p in range(min(len(session), REACH)):
        item = session[len(session) - 1 - p]
        j = tally.number[item]
        if j >= 0 and tally.back[p] > tally.best[j] * np.sqrt(tally.best[j]) * _IN_SESSION * share:
            because[j] = item
    for item in listed:
        tally.number[item] = NOTHING


@uncounted
def _sum_up(recent: Int32s, neighbours: NeighbourTable, weights: Floats, tally: Tally) -> int:
    """Add up what the recent items say; return how many candidates there are.

    Whether an item is new nobody can foretell: there is no branch for it.
    """
    count = 0
    for i in range(len(recent)):
        row = neighbours.place[recent[len(recent) - 1 - i]]
        if row < 0:
            continue
        for k in range(neighbours.lengths[row]):
            gain = weights[i] * neighbours.votes[row, k]
            if gain <= 0.0:
                continue
            item = neighbours.items[row, k]
            said = tally.votes[item]
            tally.item[count] = item
            count += said == 0.0
            tally.votes[item] = said + gain
    for c in range(count):
        item = tally.item[c]
        tally.total[c], tally.votes[item], tally.number[item] = tally.votes[item], 0.0, c
    for c in range(count):
        tally.total[c] *= np.sqrt(tally.total[c])
    return count


@uncounted
def _exclude(owned: Int32s, recent: Int32s, policy: Policy, tally: Tally) -> None:
    if policy.skip_current and len(recent) > 0:
        _multiply(recent[-1], 0.0, tally)
    if policy.skip_owned:
        for item in owned:
            _multiply(item, 0.0, tally)


@uncounted
def _multiply(item: int, factor: float, tally: Tally) -> None:
    c = tally.number[item]
    if c >= 0:
        tally.total[c] *= factor


@uncounted
def _weigh(
    s: Shopper,
    owned: Int32s,
    recent: Int32s,
    session: Int32s,
    returns: Int64s,
    policy: Policy,
    count: int,
    tally: Tally,
) -> tuple[int, float]:
    """Make chances of the sums, and put the chances of a return beside them.

    Returns how many candidates there are, and what a vote counts for in the end.
    """
    for item in session:
        _multiply(item, _IN_SESSION, tally)
    sums = all_back = 0.0
    for c in range(count):
        sums += tally.total[c]
    reach = min(len(session), REACH)
    for p in range(reach):
        tally.back[p] = 0.0
        if not _unwanted(session[len(session) - 1 - p], owned, recent, policy):
            tally.back[p] = chance(returns, p, s.how, s.seen_again >> p & 1, len(session))
            all_back += tally.back[p]
    share = max(_LEAST_NEW, 1.0 - all_back) / sums if sums > 0.0 else 0.0
    for c in range(count):
        tally.total[c] *= share
    for p in range(reach):
        count = _return(session[len(session) - 1 - p], tally.back[p], count, tally)
    return count, share


@uncounted
def _return(item: int, gain: float, count: int, tally: Tally) -> int:
    """Add the chance of a return to an item; return how many candidates there are."""
    c = tally.number[item]
    if gain <= 0.0:
        return count
    if c < 0:
        tally.number[item], tally.item[count], tally.total[count] = count, item, gain
        return count + 1
    tally.total[c] += gain
    return count


@compiled
def _fill(
    n: int,
    base: int,
    length: int,
    row: int,
    owned: Int32s,
    recent: Int32s,
    fillers: Fillers,
    policy: Policy,
    text: Bytes,
    ends: Int64s,
    lists: Lists,
) -> int:
    """Fill up list `n`, whose fillers begin at `base`, behind its `length` entries; return its new length."""
    room = lists.items.shape[1]
    highest = _FILLER * (lists.scores[n, length - 1] if length else 1.0)
    for j in range(fillers.lengths[row]):
        item = fillers.items[row, j]
        if _listed(item, lists.items[n, :length]) or _unwanted(item, owned, recent, policy):
            continue
        score = rounded(highest * fillers.shares[row, j] / max(fillers.shares[row, 0], 1e-6))
        at = insert(item, score, length - base, lists.items[n, base:], lists.scores[n, base:], text, ends)
        length = min(length + (at >= 0), room)
    lists.because[n, base:length] = NOTHING
    return length


@uncounted
def _unwanted(item: int, owned: Int32s, recent: Int32s, policy: Policy) -> bool:
    if policy.skip_current and len(recent) > 0 and recent[-1] == item:
        return True
    return policy.skip_owned and _listed(item, owned)


@uncounted
def _listed(item: int, codes: Int32s) -> bool:
    for code in codes:  # noqa: SIM110 - numba compiles the loop, not any()
        if code == item:
            return True
    return False
