"""How good the learner has been of late: rolling figures over its last predictions, and whether it got worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from online_models.compiled import Floats, Int64s
from online_models.drift import Drift
from online_models.probability_metrics import Bools, area_under_curve, log_losses, reliability


class RollingQuality:
    """Keeps the last `window` predictions of propensity and of the segments, and watches both for drift.

    Everything is told one prediction after the other, each made before its example was learned, so that the figures
    depend on the examples and their order only.

    Parameters
    ----------
    window
        How many of the latest predictions count.

    Attributes
    ----------
    scored, placed : int
        How many predictions there were, of propensity and of the segments.

    Examples
    --------
    >>> quality = RollingQuality(window=4)
    >>> quality.learn_scores(np.array([0.9, 0.2, 0.1]), np.array([True, False, False]), np.arange(3))
    >>> quality.propensity()["auc"], round(quality.propensity()["calibration_error"], 2)
    (1.0, 0.13)
    >>> quality.learn_distances(np.array([np.nan, 1.0, 3.0]), np.arange(3))
    >>> quality.segments()["inertia"]
    5.0
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self.scored = self.placed = 0
        self._scores = np.zeros(window)
        self._bought = np.zeros(window, dtype=np.bool_)
        self._distances = np.zeros(window)
        self._losing, self._straying = Drift(), Drift()

    def learn_scores(self, scores: Floats, bought: Bools, ts: Int64s) -> None:
        """Take what propensity predicted and what came of it; no more than `window` of them."""
        places = (self.scored + np.arange(len(scores))) % self.window
        self._scores[places], self._bought[places] = scores, bought
        self.scored += len(scores)
        self._losing.learn_many(log_losses(bought, scores), ts)

    def learn_distances(self, distances: Floats, ts: Int64s) -> None:
        """Take how far customers were from the middle of their segment; NaN, in warm-up, does not count."""
        known = ~np.isnan(distances)
        distances, ts = distances[known], ts[known]
        kept = min(len(distances), self.window)
        places = (self.placed + np.arange(len(distances) - kept, len(distances))) % self.window
        self._distances[places] = distances[len(distances) - kept :]
        self.placed += len(distances)
        self._straying.learn_many(distances, ts)

    def propensity(self) -> dict[str, float | None]:
        """How good the last scores were; what cannot be told yet is None."""
        bought, scores = self._bought[: self.scored], self._scores[: self.scored]
        if not len(bought):
            figures = dict.fromkeys(("auc", "log_loss", "calibration_error", "base_rate"))
        else:
            figures = {
                "auc": area_under_curve(bought, scores),
                "log_loss": float(log_losses(bought, scores).mean()),
                "calibration_error": reliability(bought, scores).error,
                "base_rate": float(bought.mean()),
            }
        return figures | _told(self._losing)

    def segments(self) -> dict[str, float | None]:
        """How near the customers were to the middle of their segments: the mean of the squared distances."""
        distances = self._distances[: self.placed]
        inertia = float((distances**2).mean()) if len(distances) else None
        return {"inertia": inertia} | _told(self._straying)

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as plain values and arrays."""
        return {
            "window": self.window,
            "scored": self.scored,
            "placed": self.placed,
            "scores": self._scores.copy(),
            "bought": self._bought.copy(),
            "distances": self._distances.copy(),
            "losing": self._losing.state(),
            "straying": self._straying.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> RollingQuality:
        """Rebuild what `state` was taken from; it goes on exactly as the original would."""
        quality = cls(int(state["window"]))
        quality.scored, quality.placed = int(state["scored"]), int(state["placed"])
        quality._scores[:] = state["scores"]
        quality._bought[:] = state["bought"]
        quality._distances[:] = state["distances"]
        quality._losing, quality._straying = Drift.from_state(state["losing"]), Drift.from_state(state["straying"])
        return quality


def _told(watch: Drift) -> dict[str, float | None]:
    return {"drifts": watch.count, "drifted_at": watch.last}
