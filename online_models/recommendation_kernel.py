"""The loops of `online_models.recommendation`."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from online_models.compiled import Bytes, Floats, Int8s, Int32s, Int64s, Records, compiled
from online_models.ranking import insert, rounded
from online_models.returns import REACH, chance
from online_models.shopper_records import Shopper

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


class NeighbourTable(NamedTuple):
    """`place[code]` is the row of an item in the other arrays, -1 if nothing is known of it; see `votes`."""

    place: Int32s
    items: Int32s
    votes: Floats
    lengths: Int32s


class Fillers(NamedTuple):
    """Trending lists as rows, the last one over all shoppers: item codes, shares, lengths."""

    items: Int32s
    shares: Floats
    lengths: Int32s


class Tally(NamedTuple):
    """One shopper's candidates while their scores are summed; by item code, all zero between shoppers.

    `seen` lists the candidates so far, `best` holds the largest single contribution and `because` who made it.
    """

    total: Floats
    best: Floats
    because: Int32s
    seen: Int32s


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
def recent_items(chosen: Int32s, shoppers: Records, items: Int32s, most: int) -> Int32s:
    """Codes of the newest items of shoppers, with repetitions."""
    recent = np.zeros(len(chosen) * most, np.int32)
    n = 0
    for shopper in chosen:
        s = shoppers[shopper]
        length = min(most, s.items_length)
        end = s.items_start + s.items_length
        recent[n : n + length] = items[end - length : end]
        n += length
    return recent[:n]


@compiled
def recommend(
    chosen: Int32s,
    shoppers: Records,
    items: Int32s,
    neighbours: NeighbourTable,
    returns: Int64s,
    segments: Int32s,
    fillers: Fillers,
    policy: Policy,
    text: Bytes,
    ends: Int64s,
    tally: Tally,
    lists: Lists,
) -> None:
    """Fill `lists` for the shoppers `chosen`."""
    for n in range(len(chosen)):
        s = shoppers[chosen[n]]
        end = s.items_start + s.items_length
        recent = items[max(s.items_start, end - policy.recent_items) : end]
        count = _sum_up(recent, neighbours, policy, tally)
        owned = items[s.owned_start : s.owned_start + s.cart_length + s.bought_length]
        _exclude(owned, recent, policy, tally)
        count = _weigh(s, owned, recent, items[end - s.session_items : end], returns, policy, count, tally)
        length, room = 0, lists.items.shape[1]
        for j in range(count):
            item = tally.seen[j]
            if length == room and tally.total[item] + _ROUNDING < lists.scores[n, room - 1]:
                continue
            score = rounded(tally.total[item])
            if score > 0.0:
                at = insert(item, score, length, lists.items[n], lists.scores[n], text, ends)
                length = min(length + (at >= 0), room)
        for j in range(length):
            lists.because[n, j] = tally.because[lists.items[n, j]]
        base = length
        lists.source[n] = _PERSONAL if base else _TRENDING
        if segments[n] >= 0:
            length = _fill(n, base, length, segments[n], owned, recent, fillers, policy, text, ends, lists)
            if base == 0 and length > 0:
                lists.source[n] = _SEGMENT
        overall = len(fillers.lengths) - 1
        lists.lengths[n] = _fill(n, base, length, overall, owned, recent, fillers, policy, text, ends, lists)
        for j in range(count):
            tally.total[tally.seen[j]] = 0.0
            tally.best[tally.seen[j]] = 0.0


@compiled
def votes(similarities: Floats) -> Floats:
    """What similarities count when they are added up, s^(2/3): less than all, so that agreement counts more."""
    return np.cbrt(similarities * similarities)


@compiled
def _sum_up(recent: Int32s, neighbours: NeighbourTable, policy: Policy, tally: Tally) -> int:
    """Add up what the recent items say; return how many candidates there are."""
    count = 0
    fall = np.log2(policy.step_weight) if policy.step_weight > 0.0 else -np.inf
    for j in range(len(recent) - 1, -1, -1):
        row, weight = neighbours.place[recent[j]], float(len(recent) - j) ** fall
        if row >= 0:
            for k in range(neighbours.lengths[row]):
                count = _vote(recent[j], neighbours.items[row, k], weight * neighbours.votes[row, k], count, tally)
    for k in range(count):
        total, best = tally.total[tally.seen[k]], tally.best[tally.seen[k]]
        tally.total[tally.seen[k]], tally.best[tally.seen[k]] = total * np.sqrt(total), best * np.sqrt(best)
    return count


@compiled
def _vote(voter: int, item: int, gain: float, count: int, tally: Tally) -> int:
    if gain <= 0.0:
        return count
    if tally.best[item] == 0.0:
        tally.seen[count] = item
        count += 1
    tally.total[item] += gain
    if gain > tally.best[item]:
        tally.best[item] = gain
        tally.because[item] = voter
    return count


@compiled
def _weigh(
    s: Shopper,
    owned: Int32s,
    recent: Int32s,
    session: Int32s,
    returns: Int64s,
    policy: Policy,
    count: int,
    tally: Tally,
) -> int:
    """Make chances of the sums, and put the chances of a return beside them; return how many candidates there are."""
    for item in session:
        tally.total[item] *= _IN_SESSION
        tally.best[item] *= _IN_SESSION
    sums = 0.0
    for j in range(count):
        sums += tally.total[tally.seen[j]]
    back = np.zeros(min(len(session), REACH))
    for p in range(len(back)):
        if not _unwanted(session[len(session) - 1 - p], owned, recent, policy):
            back[p] = chance(returns, p, s.how, s.seen_again >> p & 1, len(session))
    share = max(_LEAST_NEW, 1.0 - back.sum()) / sums if sums > 0.0 else 0.0
    for j in range(count):
        tally.total[tally.seen[j]] *= share
        tally.best[tally.seen[j]] *= share
    for p in range(len(back)):
        item = session[len(session) - 1 - p]
        count = _vote(item, item, back[p], count, tally)
    return count


@compiled
def _exclude(owned: Int32s, recent: Int32s, policy: Policy, tally: Tally) -> None:
    if policy.skip_current and len(recent) > 0:
        tally.total[recent[-1]] = 0.0
    if policy.skip_owned:
        for item in owned:
            tally.total[item] = 0.0


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
    if base == room:
        return length
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


@compiled
def _unwanted(item: int, owned: Int32s, recent: Int32s, policy: Policy) -> bool:
    if policy.skip_current and len(recent) > 0 and recent[-1] == item:
        return True
    return policy.skip_owned and _listed(item, owned)


@compiled
def _listed(item: int, codes: Int32s) -> bool:
    for code in codes:  # noqa: SIM110 - numba compiles the loop, not any()
        if code == item:
            return True
    return False
