"""The loops of `online_models.recommendation`."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from online_models.candidates import IN_SESSION, Policy, Tally, exclude, is_listed, is_unwanted, sum_up, weigh
from online_models.compiled import Bytes, Floats, Int8s, Int32s, Int64s, Structs, compiled, unlocked
from online_models.histories import Histories
from online_models.neighbour_table import NeighbourTable, ask_for
from online_models.ranking import insert, rounded
from online_models.returns import REACH, chances
from online_models.uncounted import uncounted

NOTHING: Final = -1
_PERSONAL, _SEGMENT, _TRENDING = 0, 1, 2
#: What the first filler scores, as a part of the entry before it: less than half, so that 0.000001 rounds to 0.
_FILLER: Final = 0.4
#: No score grows by more when it is rounded.
_ROUNDING: Final = 1e-6


class Fillers(NamedTuple):
    """Trending lists as rows, the last one over all shoppers: item codes, shares, lengths."""

    items: Int32s
    shares: Floats
    lengths: Int32s


class Lists(NamedTuple):
    """The result, one row a shopper; see `online_models.recommendation.Recommendations`."""

    items: Int32s
    scores: Floats
    because: Int32s
    lengths: Int32s
    source: Int8s


@compiled
def recent_items(shoppers: Structs, items: Int32s, most: int) -> Int32s:
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
    items, weights, to_return = histories.items, _weights(policy), chances(histories.returns)
    overall, room = len(fillers.lengths) - 1, lists.items.shape[1]
    for n in range(len(histories.shoppers)):
        s = histories.shoppers[n]
        end = s.items_start + s.items_length
        recent = items[max(s.items_start, end - policy.recent_items) : end]
        ask_for(recent, neighbours)
        count = sum_up(recent, neighbours, weights, tally)
        owned = items[s.owned_start : s.owned_start + s.cart_length + s.bought_length]
        exclude(owned, recent, policy, tally)
        session = items[end - s.session_items : end]
        count, share = weigh(s, owned, recent, session, to_return[histories.partition[n]], policy, count, tally)
        length = base = _best(count, tally, text, ends, lists.items[n], lists.scores[n])
        for c in range(np.uint64(count)):
            tally.number[np.uint64(tally.item[c])] = NOTHING
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

    It takes a second look at the votes, but only for what is listed: most candidates never are. Whether one is nobody
    can foretell: there is no branch for it, but a place (number -1) that no vote exceeds.
    """
    best = tally.best
    best[-1] = np.inf
    for j in range(len(listed)):
        tally.number[listed[j]], best[j] = j, 0.0
    for i in range(len(recent)):
        voter = recent[len(recent) - 1 - i]
        row = neighbours.place[voter]
        if row < 0:
            continue
        weight, items, votes = weights[i], neighbours.items[row], neighbours.votes[row]
        for k in range(np.uint64(neighbours.lengths[row])):
            j = tally.number[np.uint64(items[k])]
            vote = weight * votes[k]
            if vote > best[j]:
                best[j], because[j] = vote, voter
    for p in range(min(len(session), REACH)):
        item = session[len(session) - 1 - p]
        j = tally.number[item]
        if j >= 0 and tally.back[p] > best[j] * np.sqrt(best[j]) * IN_SESSION * share:
            because[j] = item
    for item in listed:
        tally.number[item] = NOTHING


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
        if is_listed(item, lists.items[n, :length]) or is_unwanted(item, owned, recent, policy):
            continue
        score = rounded(highest * fillers.shares[row, j] / max(fillers.shares[row, 0], 1e-6))
        at = insert(item, score, length - base, lists.items[n, base:], lists.scores[n, base:], text, ends)
        length = min(length + (at >= 0), room)
    lists.because[n, base:length] = NOTHING
    return length
