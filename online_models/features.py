"""The two vectors that describe a shopper: one of the running session, one of the customer.

Both are written by compiled kernels, one event at a time, so the functions take plain numbers by position and
write into an array the caller owns. Amounts with heavy tails enter as ``log(1 + amount)``, shares lie between
0 and 1, and nothing leaves ±`FEATURE_LIMIT`: whatever finite numbers go in, the vector is finite.

Examples
--------
>>> from online_models.events import EVENT_TYPES, VIEW
>>> counts = np.zeros(len(EVENT_TYPES), dtype=np.int32)
>>> counts[VIEW] = 3
>>> x = np.empty(len(PROPENSITY_FEATURES), dtype=np.float32)
>>> propensity_features(x, counts, 3, 1, 120.0, 30.0, 20.0, 40.0, 0, 2, 1, 3.5, 1, False, False, 12, 5.0)
>>> {name: round(float(value), 2) for name, value in zip(PROPENSITY_FEATURES[:4], x, strict=False)}
{'log_events': 1.39, 'repeat_share': 0.33, 'log_repeats': 0.69, 'log_carts': 0.0}
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from online_models.compiled import Float32s, Floats, Int32s, compiled
from online_models.events import ADD_TO_CART, ADD_TO_WISHLIST, PURCHASE, VIEW

#: Names, in order, of what `propensity_features` writes. The hour of the day is not among them: a stream that has not
#: yet seen a whole day knows each hour as a time it will not see again, and extrapolates from it without bound.
PROPENSITY_FEATURES: Final = (
    "log_events",
    "repeat_share",
    "log_repeats",
    "log_carts",
    "log_cart_items",
    "log_wishes",
    "log_purchases",
    "log_seconds",
    "log_pause",
    "log_price",
    "price_step",
    "log_sessions_before",
    "log_purchases_before",
    "log_days_away",
    "buying_share",
    "just_carted",
    "item_in_cart",
    "log_daily_actions",
)
#: Sessions that everyone is taken to have had besides their own, and how many of them with a purchase: one session
#: with a purchase does not yet make a shopper who always buys.
_PRIOR_SESSIONS: Final = 5.0
_PRIOR_BUYING: Final = 0.5
#: Names, in order, of what `profile_features` writes.
PROFILE_FEATURES: Final = (
    "log_sessions",
    "log_session_events",
    "variety",
    "cart_share",
    "wish_share",
    "log_purchases",
    "log_spend",
    "log_hours_known",
)
#: No feature is larger than this; models cut what they are given to it. exp(100) of anything is not a shop.
FEATURE_LIMIT: Final = 100.0
#: Standardised values are cut to this many standard deviations, so that one odd example cannot throw a model.
DEVIATION_LIMIT: Final = 5.0


@compiled
def _log(amount: float) -> float:
    return min(math.log1p(max(float(amount), 0.0)), FEATURE_LIMIT)


@compiled
def _share(part: float, whole: float) -> float:
    return min(max(float(part), 0.0) / max(float(whole), 1.0), 1.0)


@compiled
def propensity_features(
    out: Float32s,
    counts: Int32s,
    events: int,
    repeats: int,
    seconds: float,
    pause: float,
    price_mean: float,
    price_now: float,
    cart_items: int,
    sessions_before: int,
    purchases_before: int,
    days_away: float,
    buying_sessions: int,
    just_carted: bool,
    item_in_cart: bool,
    actions: int,
    days_known: float,
) -> None:
    """Write the session as it stands right after an event into `out`.

    Parameters
    ----------
    out
        Where to write, one place per name in `PROPENSITY_FEATURES`.
    counts
        Events of this session by type code (see `events.EVENT_TYPES`), the current one included.
    events
        What the shopper did in this session, the current event included; leave impressions out.
    repeats
        How many of them were on an item already seen earlier in the session.
    seconds, pause
        Since the session began; since the previous event (0 at the first).
    price_mean, price_now
        Mean price over the session's priced events; price of the current event; 0 where unknown.
    cart_items
        Pieces in the cart now.
    sessions_before, purchases_before
        The shopper's history before this session.
    days_away
        Between the end of the previous session and the start of this one, in days; 0 without one.
    buying_sessions
        How many of the sessions before had a purchase.
    just_carted, item_in_cart
        Whether the last action put its item into the cart; whether its item is there now.
    actions, days_known
        All that the shopper ever did, impressions left out; from the first event ever to the latest, in days.
    """
    priced = price_now > 0.0 and price_mean > 0.0
    out[0] = _log(events)
    out[1] = _share(repeats, events)
    out[2] = _log(repeats)
    out[3] = _log(counts[ADD_TO_CART])
    out[4] = _log(cart_items)
    out[5] = _log(counts[ADD_TO_WISHLIST])
    out[6] = _log(counts[PURCHASE])
    out[7] = _log(seconds)
    out[8] = _log(pause)
    out[9] = _log(price_mean)
    out[10] = _log(price_now) - _log(price_mean) if priced else 0.0
    out[11] = _log(sessions_before)
    out[12] = _log(purchases_before)
    out[13] = _log(days_away)
    out[14] = _share(buying_sessions + _PRIOR_BUYING, max(float(sessions_before), 0.0) + _PRIOR_SESSIONS)
    out[15] = 1.0 if just_carted else 0.0
    out[16] = 1.0 if item_in_cart else 0.0
    out[17] = _log(actions / (1.0 + max(float(days_known), 0.0)))


@compiled
def profile_features(
    out: Float32s, counts: Int32s, sessions: int, items: int, spend: float, hours_known: float
) -> None:
    """Write the customer as known at the end of a session into `out`.

    Parameters
    ----------
    out
        Where to write, one place per name in `PROFILE_FEATURES`.
    counts
        All events of the shopper so far by type code; impressions are ignored.
    sessions
        How many sessions so far, the one that just ended included.
    items
        Distinct items, counted per session and summed over sessions: never more than the events.
    spend
        Money spent so far.
    hours_known
        From the first event ever to the latest, in hours.
    """
    events = 0.0
    for code in range(VIEW, len(counts)):
        events += counts[code]
    out[0] = _log(sessions)
    out[1] = _log(events / max(float(sessions), 1.0))
    out[2] = _share(items, events)
    out[3] = _share(counts[ADD_TO_CART], events)
    out[4] = _share(counts[ADD_TO_WISHLIST], events)
    out[5] = _log(counts[PURCHASE])
    out[6] = _log(spend)
    out[7] = _log(hours_known)


def as_rows(rows: ArrayLike, width: int) -> Floats:
    """Copy `rows` to float64 of that width, with everything odd (NaN, infinite, huge) cut to the limits.

    >>> as_rows([[1.0, float("nan")], [1e30, float("-inf")]], 2).tolist()
    [[1.0, 0.0], [100.0, -100.0]]
    """
    table = np.asarray(rows, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != width:
        raise ValueError(f"expected rows of {width} features, got an array of shape {table.shape}")
    cut: Floats = np.clip(table, -FEATURE_LIMIT, FEATURE_LIMIT)
    cut[np.isnan(cut)] = 0.0
    return cut


def standardise(rows: Floats, means: Floats, scales: Floats) -> Floats:
    """Deviations from the mean in standard deviations, cut to ±`DEVIATION_LIMIT`; 0 where a scale is 0.

    >>> standardise(np.array([[3.0, 7.0]]), np.array([1.0, 7.0]), np.array([2.0, 0.0])).tolist()
    [[1.0, 0.0]]
    """
    deviations = np.divide(rows - means, scales, out=np.zeros_like(rows), where=scales > 0.0)
    return np.clip(deviations, -DEVIATION_LIMIT, DEVIATION_LIMIT, out=deviations)
