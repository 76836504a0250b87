"""Session-kNN: what the sessions most like this one went on with."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict, deque

from online_models.visits import Visit


class SessionKNN:
    """VS-kNN [1]_ over an index that grows event by event, as VMIS-kNN's [2]_ without the nightly build.

    Every item has a list of the newest sessions it was in. A session that shares items with the running one scores
    the sum of their weights, 1 for the newest and falling evenly to 1 / L for the oldest of L distinct items. The
    items of the `k` best sessions add up their sessions' scores, divided by how many steps back the newest shared item
    is, and are weighted with 1 + idf.

    Parameters
    ----------
    k
        How many sessions vote.
    sample
        How many of the newest sessions with a shared item are looked at; also the longest list of sessions of an item.
    newest
        How many of the newest distinct items of the running session are looked up.
    max_sessions
        How many sessions are kept; beyond it the one that began first is forgotten.

    References
    ----------
    .. [1] Ludewig, Jannach: Evaluation of session-based recommendation algorithms, UMUAI 28 (2018).
    .. [2] Kersbergen et al.: Serenade, low-latency session-based recommendation in e-commerce at scale, SIGMOD 2022.

    Examples
    --------
    >>> knn = SessionKNN()
    >>> knn.learn_one(Visit("ada", 0), "lamp")
    >>> knn.learn_one(Visit("ada", 0, ["lamp"]), "bulb")
    >>> sorted(knn.predict_one(Visit("bob", 1, ["lamp"])))
    ['bulb', 'lamp']
    """

    def __init__(self, k: int = 100, sample: int = 1000, newest: int = 10, max_sessions: int = 1_000_000) -> None:
        self.k = k
        self.sample = sample
        self.newest = newest
        self.max_sessions = max_sessions
        self._sessions_with: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=self.sample))
        self._items_of: dict[int, dict[str, None]] = {}
        self._actions: Counter[str] = Counter()

    def learn_one(self, visit: Visit, item: str) -> None:
        """Add the item to its session, and the session to the list of the item."""
        self._actions[item] += 1
        if visit.session not in self._items_of and len(self._items_of) == self.max_sessions:
            del self._items_of[next(iter(self._items_of))]
        items = self._items_of.setdefault(visit.session, {})
        if item not in items:
            items[item] = None
            self._sessions_with[item].append(visit.session)

    def predict_one(self, visit: Visit) -> dict[str, float]:
        """What the sessions nearest to this one vote for."""
        similarity, step = self._neighbours(visit)
        newest = heapq.nlargest(self.sample, similarity)
        best = heapq.nlargest(self.k, newest, key=lambda session: (similarity[session], session))
        scores: defaultdict[str, float] = defaultdict(float)
        for session in best:
            for item in self._items_of[session]:
                scores[item] += similarity[session] / step[session]
        sessions = max(len(self._items_of), 1)
        return {
            item: score * (1 + max(0.0, math.log(sessions / self._actions[item]))) for item, score in scores.items()
        }

    def _neighbours(self, visit: Visit) -> tuple[dict[int, float], dict[int, int]]:
        """Sessions that share items with this one: similarity, and steps back to the newest shared item, from 1."""
        distinct = list(dict.fromkeys(reversed(visit.items)))
        similarity: defaultdict[int, float] = defaultdict(float)
        step: dict[int, int] = {}
        for back, item in enumerate(distinct[: self.newest]):
            for session in self._sessions_with.get(item, ()):
                if session != visit.session and session in self._items_of:
                    similarity[session] += 1 - back / len(distinct)
                    step.setdefault(session, back + 1)
        return similarity, step
