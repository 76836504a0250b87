"""What every peer of upwell does with an event, in plain Python and River: only the framework around it differs.

Everything that costs the peers time and that a user might leave out is left out: duplicates are not looked for, all
outputs go into one value per user, and the co-visit counts live in the process, where a second process or a restart
would not find them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, Final

from river import cluster, linear_model, preprocessing

TOP: Final = 20
#: Neighbours of an item that are kept, as many as upwell gives out; when there are twice as many, the weaker half goes.
_NEIGHBOURS: Final = 50
_SESSION_ITEMS: Final = 10
_GAP_MS: Final = 30 * 60_000
_REQUIRED: Final = ("event_id", "type", "user_id", "item_id")

Session = dict[str, Any]


def parsed(value: bytes | None) -> dict[str, Any] | None:
    """The event of a Kafka record; None if it is not one.

    >>> parsed(b'{"event_id":"1","type":"view","user_id":"ada","item_id":"lamp","ts":1}')["item_id"]
    'lamp'
    >>> parsed(b"view of lamp") is parsed(b'{"event_id":"1"}') is None
    True
    """
    try:
        event = json.loads(value or b"")
    except ValueError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("ts"), int):
        return None
    price = event.get("price", 0)
    if not (isinstance(price, int | float) and 0 <= price < math.inf):
        return None
    return event if all(isinstance(event.get(name), str) for name in _REQUIRED) else None


class Job:
    """The models, as River's own examples make them, and a dict of co-visits."""

    def __init__(self) -> None:
        self._propensity = preprocessing.StandardScaler() | linear_model.LogisticRegression()
        self._segments = preprocessing.StandardScaler() | cluster.KMeans(n_clusters=8, seed=1)
        self._covisits: dict[str, Counter[str]] = {}

    def act(self, session: Session | None, event: dict[str, Any]) -> tuple[Session, dict[str, Any]]:
        """Learn from one event.

        Parameters
        ----------
        session
            What this returned for the user's last event; None at first.

        Returns
        -------
        session, outputs
            The session with the event in it, and what is to be written for the user.
        """
        if session is None or event["ts"] - session["last"] > _GAP_MS:
            session = {"start": event["ts"], "last": event["ts"], "items": [], "counts": {}}
        before = _features(session, event)
        propensity = self._propensity.predict_proba_one(before).get(True, 0.0)
        self._propensity.learn_one(before, event["type"] == "purchase")
        session = self._moved_on(session, event)
        after = _features(session, event)
        self._segments.learn_one(after)
        outputs = {
            "items": self._recommended(session),
            "propensity": round(propensity, 4),
            "segment": int(self._segments.predict_one(after)),
        }
        return session, outputs

    def _moved_on(self, session: Session, event: dict[str, Any]) -> Session:
        item, items = event["item_id"], session["items"]
        if item not in items:
            for other in items:
                self._count(item, other)
                self._count(other, item)
            items = [*items, item][-_SESSION_ITEMS:]
        counts = {**session["counts"], event["type"]: session["counts"].get(event["type"], 0) + 1}
        return {"start": session["start"], "last": event["ts"], "items": items, "counts": counts}

    def _count(self, item: str, neighbour: str) -> None:
        found = self._covisits.setdefault(item, Counter())
        found[neighbour] += 1
        if len(found) > 2 * _NEIGHBOURS:
            self._covisits[item] = Counter(dict(found.most_common(_NEIGHBOURS)))

    def _recommended(self, session: Session) -> list[dict[str, Any]]:
        """What went most often with the items of the session, those themselves left out."""
        total: Counter[str] = Counter()
        for item in session["items"]:
            total.update(self._covisits.get(item, {}))
        for item in session["items"]:
            total.pop(item, None)
        return [{"id": item, "score": count} for item, count in total.most_common(TOP)]


def _features(session: Session, event: dict[str, Any]) -> dict[str, float]:
    counts = session["counts"]
    return {
        "events": math.log1p(sum(counts.values())),
        "items": math.log1p(len(session["items"])),
        "views": math.log1p(counts.get("view", 0)),
        "clicks": math.log1p(counts.get("click", 0)),
        "carts": math.log1p(counts.get("add_to_cart", 0)),
        "removals": math.log1p(counts.get("remove_from_cart", 0)),
        "wishes": math.log1p(counts.get("add_to_wishlist", 0)),
        "purchases": math.log1p(counts.get("purchase", 0)),
        "seconds": math.log1p(max(event["ts"] - session["start"], 0) / 1000),
        "pause": math.log1p(max(event["ts"] - session["last"], 0) / 1000),
        "price": math.log1p(event.get("price", 0.0)),
    }
