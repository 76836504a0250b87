"""Notices when a model has got worse: the Page-Hinkley test, to the bit as River's, and the time of what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from online_models.compiled import Floats, Int64s, compiled

#: How much worse than the mean so far is not worth noticing, per example.
_TOLERANCE: Final = 0.05
#: How much more than that has to add up. In 10^6 log losses of a fitting model (one in ten buys) chance alone never got
#: there; a rise by 0.4 took about 300 examples to be found.
_THRESHOLD: Final = 100.0
#: The test finds nothing in fewer examples than this.
_FEWEST: Final = 30
#: What the test keeps, by place. River calls the last four `_sum_increase`, `_sum_decrease`, `_min_increase` and
#: `_max_decrease`; two of them are about falls, which are not looked for, and are kept as River keeps them.
_COUNT, _MEAN, _RISE, _FALL, _LOWEST, _HIGHEST = range(6)
_NEW: Final = (0.0, 0.0, 0.0, 0.0, np.inf, -1.0)


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
        self._found = False
        self._test = np.array(_NEW)

    def learn_one(self, error: float, ts: int) -> None:
        """Take the error of one example, and its event time in milliseconds."""
        if self._found:
            self._test[:] = _NEW
        self._found = _take(error, self._test)
        if self._found:
            self.count += 1
            self.last = ts

    def learn_many(self, errors: Floats, ts: Int64s) -> None:
        """Take errors in their order: the same as `learn_one` for each, bit for bit."""
        start = 0
        while start < len(errors):
            if self._found:
                self._test[:] = _NEW
            taken, self._found = _take_until_found(errors[start:], self._test)
            start += taken
            if self._found:
                self.count += 1
                self.last = int(ts[start - 1])

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as plain values."""
        return {
            "count": self.count,
            "last": self.last,
            "found": self._found,
            "examples": int(self._test[_COUNT]),
            "mean": float(self._test[_MEAN]),
            "numbers": self._test[_RISE:].copy() if self._has_begun else np.zeros(0),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Drift:
        """Rebuild what `state` was taken from; it goes on exactly as the original would."""
        watch = cls()
        watch.count, watch.last = int(state["count"]), state["last"]
        watch._found = bool(state["found"])
        watch._test[[_COUNT, _MEAN]] = state["examples"], state["mean"]
        if len(state["numbers"]):
            watch._test[_RISE:] = state["numbers"]
        return watch

    @property
    def _has_begun(self) -> bool:
        """Before the first example the extremes are infinite, and there is nothing to keep."""
        return bool(self._test[_COUNT])


@compiled
def _take(error: float, test: Floats) -> bool:
    """River's `PageHinkley.update` with `alpha` at 1: whether a rise is found."""
    test[_COUNT] += 1.0
    test[_MEAN] += (1.0 / test[_COUNT]) * (error - test[_MEAN])
    deviation = error - test[_MEAN]
    test[_RISE] = test[_RISE] + deviation - _TOLERANCE
    test[_FALL] = test[_FALL] + deviation + _TOLERANCE
    test[_LOWEST] = min(test[_LOWEST], test[_RISE])
    test[_HIGHEST] = max(test[_HIGHEST], test[_FALL])
    return bool(test[_COUNT] >= _FEWEST and test[_RISE] - test[_LOWEST] > _THRESHOLD)


@compiled
def _take_until_found(errors: Floats, test: Floats) -> tuple[int, bool]:
    """Take errors up to the first that gives a rise away: how many that was, and whether there was one."""
    for n in range(len(errors)):
        if _take(errors[n], test):
            return n + 1, True
    return len(errors), False
