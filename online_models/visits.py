"""Visits of shoppers, for baselines and for measuring, one event at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from online_models.event_time import MINUTE_MS


@dataclass
class Visit:
    """A shopper and the session that is running, or was the last to run.

    Attributes
    ----------
    user
        Who.
    session
        Number of the session: sessions are counted from 0 over all shoppers, in the order they begin; -1 for none.
    items
        What was acted on in it, oldest first, with repetitions.
    own
        Everything the shopper ever acted on, as keys, the newest last.
    """

    user: str
    session: int = -1
    items: list[str] = field(default_factory=list)
    own: dict[str, None] = field(default_factory=dict)


class Visits:
    """Cuts the actions of shoppers into sessions, by event time.

    Parameters
    ----------
    gap_minutes
        A session is over after this much event time without an action of its shopper.

    Examples
    --------
    >>> visits = Visits(gap_minutes=30)
    >>> visits.learn_one("ada", "lamp", ts=0)
    >>> visits.learn_one("ada", "bulb", ts=60_000)
    >>> visits.of("ada").items
    ['lamp', 'bulb']
    >>> visits.at("ada", ts=7_200_000).items
    []
    """

    def __init__(self, gap_minutes: float = 30.0) -> None:
        self.gap_minutes = gap_minutes
        self._visits: dict[str, Visit] = {}
        self._last_seen: dict[str, int] = {}
        self._sessions = 0

    def of(self, user: str) -> Visit:
        """The shopper as of the last action, whether or not that session is still running."""
        return self._visits.get(user) or Visit(user)

    def goes_on(self, user: str, ts: int) -> bool:
        """Whether an action at this event time (ms) goes on with the shopper's session."""
        return user in self._last_seen and ts - self._last_seen[user] <= self.gap_minutes * MINUTE_MS

    def at(self, user: str, ts: int) -> Visit:
        """The shopper right before an action at this event time (ms), in a new session if the last one is over."""
        if not self.goes_on(user, ts):
            self._visits[user] = Visit(user, self._sessions, own=self.of(user).own)
            self._sessions += 1
        self._last_seen[user] = max(ts, self._last_seen.get(user, ts))
        return self._visits[user]

    def learn_one(self, user: str, item: str, ts: int) -> None:
        """Add an action."""
        visit = self.at(user, ts)
        visit.items.append(item)
        visit.own.pop(item, None)
        visit.own[item] = None
