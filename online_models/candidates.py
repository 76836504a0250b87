"""What may be recommended to a shopper, and how likely it is wanted: votes of neighbours, and chances of a return.

Part of `online_models.recommendation_kernel`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from online_models.compiled import Floats, Int32s
from online_models.neighbour_table import NeighbourTable
from online_models.returns import REACH, cell
from online_models.shopper_records import Shopper
from online_models.uncounted import uncounted

#: What the neighbours of its items say of an item of the session itself counts so much: that it comes back is counted.
IN_SESSION: Final = 0.1
#: At least this much of every list is for other items than those of the session.
_LEAST_NEW: Final = 0.05


class Policy(NamedTuple):
    """`RecommendationSettings` as the kernel takes them."""

    recent_items: int
    step_weight: float
    skip_owned: bool
    skip_current: bool


class Tally(NamedTuple):
    """One shopper's candidates while their scores are summed.

    Attributes
    ----------
    number, votes
        By item code: which candidate it is, -1 for none, and the sum of its votes; all -1 and 0 between shoppers.
    item, total
        By number: its code, and its score. They lie close together, however large the catalogue is.
    best
        By place in the list: the largest single vote for the item there; and one more place, for all that is not
        in the list.
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
    return Tally(number, votes, np.empty(room, np.int32), np.empty(room), np.empty(length + 1), np.empty(REACH))


@uncounted
def sum_up(recent: Int32s, neighbours: NeighbourTable, weights: Floats, tally: Tally) -> int:
    """Add up what the recent items say; return how many candidates there are.

    Whether an item is new nobody can foretell: there is no branch for it. Places are unsigned, as in
    `online_models.words`.
    """
    count = 0
    for i in range(len(recent)):
        row = neighbours.place[recent[len(recent) - 1 - i]]
        if row < 0:
            continue
        weight, items, votes = weights[i], neighbours.items[row], neighbours.votes[row]
        for k in range(np.uint64(neighbours.lengths[row])):
            gain = weight * votes[k]
            if gain <= 0.0:
                continue
            item = np.uint64(items[k])
            said = tally.votes[item]
            tally.item[np.uint64(count)] = item
            count += said == 0.0
            tally.votes[item] = said + gain
    for c in range(np.uint64(count)):
        item = np.uint64(tally.item[c])
        tally.total[c], tally.votes[item], tally.number[item] = tally.votes[item], 0.0, c
    for c in range(count):
        tally.total[c] *= np.sqrt(tally.total[c])
    return count


@uncounted
def exclude(owned: Int32s, recent: Int32s, policy: Policy, tally: Tally) -> None:
    """Let nothing speak for what is not to be recommended."""
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
def weigh(
    s: Shopper,
    owned: Int32s,
    recent: Int32s,
    session: Int32s,
    chances: Floats,
    policy: Policy,
    count: int,
    tally: Tally,
) -> tuple[int, float]:
    """Make chances of the sums, and put the chances of a return beside them.

    Returns how many candidates there are, and what a vote counts for in the end.
    """
    for item in session:
        _multiply(item, IN_SESSION, tally)
    sums, all_back = _sum(tally.total[:count]), 0.0
    reach = min(len(session), REACH)
    for p in range(reach):
        tally.back[p] = 0.0
        if not is_unwanted(session[len(session) - 1 - p], owned, recent, policy):
            tally.back[p] = chances[cell(p, s.how, s.seen_again >> p & 1, len(session))]
            all_back += tally.back[p]
    share = max(_LEAST_NEW, 1.0 - all_back) / sums if sums > 0.0 else 0.0
    for c in range(count):
        tally.total[c] *= share
    for p in range(reach):
        count = _return(session[len(session) - 1 - p], tally.back[p], count, tally)
    return count, share


@uncounted
def _sum(numbers: Floats) -> float:
    """Their sum, in four parts: no addition waits for the one before."""
    a = b = c = d = 0.0
    whole = len(numbers) // 4 * 4
    for i in range(0, whole, 4):
        a += numbers[i]
        b += numbers[i + 1]
        c += numbers[i + 2]
        d += numbers[i + 3]
    for i in range(whole, len(numbers)):
        a += numbers[i]
    return (a + b) + (c + d)


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


@uncounted
def is_unwanted(item: int, owned: Int32s, recent: Int32s, policy: Policy) -> bool:
    """Whether an item is not to be recommended, as it is looked at, in the cart or owned."""
    if policy.skip_current and len(recent) > 0 and recent[-1] == item:
        return True
    return policy.skip_owned and is_listed(item, owned)


@uncounted
def is_listed(item: int, codes: Int32s) -> bool:
    """Whether an item is among some."""
    for code in codes:  # noqa: SIM110 - numba compiles the loop, not any()
        if code == item:
            return True
    return False
