"""Notices when a model has got worse: River's Page-Hinkley test, with the event time of what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from river import drift, stats

#: How much worse than the mean so far is not worth noticing, per example.
_TOLERANCE: Final = 0.05
#: How much more than that has to add up. In 10^6 log losses of a fitting model (one in ten buys) chance alone never got
#: there; a rise by 0.4 took about 300 examples to be found.
_THRESHOLD: Final = 100.0
_NUMBERS: Final = ("_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease")


class Drift:
    """Watches an error that should stay about where it is; tells how often it rose for good, and when last.

    After a finding the test begins anew, with the mean of what follows. Nothing is faded out: with River's `alpha`
    below 1 the sum comes to rest where fading makes up for the tolerance, and crosses the threshold by chance.

    Attributes
    ----------
    count : int
        How often a rise was found.
    last : int or None
        Event time in milliseconds of the example that gave the last one away.

    Examples
    --------
    >>> watch = Drift()
    >>> for ts in range(1000):
    ...     watch.learn_one(0.2 if ts < 500 else 0.9, ts)
    >>> watch.count, watch.last
    (1, 683)

    References
    ----------
    [^1]: [River: PageHinkley](https://riverml.xyz/latest/api/drift/PageHinkley/)
    [^2]: Page, E. S., 1954. Continuous inspection schemes. Biometrika 41, 100-115.

    """

    def __init__(self) -> None:
        self.count = 0
        self.last: int | None = None
        self._test: Any = drift.PageHinkley(delta=_TOLERANCE, threshold=_THRESHOLD, alpha=1.0, mode="up")

    def learn_one(self, error: float, ts: int) -> None:
        """Take the error of one example, and its event time in milliseconds."""
        self._test.update(error)
        if self._test.drift_detected:
            self.count += 1
            self.last = ts

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as plain values."""
        test = self._test
        return {
            "count": self.count,
            "last": self.last,
            "found": bool(test.drift_detected),
            "examples": int(test._x_mean.n),
            "mean": float(test._x_mean.get()),
            "numbers": np.array([getattr(test, name) for name in _NUMBERS] if self._has_begun else [], np.float64),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Drift:
        """Rebuild what `state` was taken from; it goes on exactly as the original would."""
        watch = cls()
        watch.count, watch.last = int(state["count"]), state["last"]
        watch._test._drift_detected = bool(state["found"])
        watch._test._x_mean = stats.Mean._from_state(n=state["examples"], mean=state["mean"])
        for name, number in zip(_NUMBERS, state["numbers"].tolist(), strict=False):
            setattr(watch._test, name, number)
        return watch

    @property
    def _has_begun(self) -> bool:
        """Before the first example the extremes are infinite, and there is nothing to keep."""
        return bool(np.isfinite([getattr(self._test, name) for name in _NUMBERS]).all())
