"""How good are probabilities? Discrimination, loss and calibration of predictions whose outcomes are known."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Floats, Int64s

Bools = NDArray[np.bool_]
#: No probability is taken to be closer to 0 or 1 than this, as in River's `LogLoss`.
_SURE: Final = 1e-15


class Reliability(NamedTuple):
    """Predictions in bins of equal numbers, from the least to the most likely; see `reliability`.

    Attributes
    ----------
    predicted, happened
        Per bin, the mean probability and the share of outcomes that were true.
    sizes
        Per bin, how many predictions.
    """

    predicted: Floats
    happened: Floats
    sizes: Int64s

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance between what was predicted and what happened, per bin."""
        return float((np.abs(self.predicted - self.happened) * self.sizes).sum() / self.sizes.sum())


def area_under_curve(outcomes: Bools, probabilities: Floats) -> float | None:
    """Share of all pairs of a true and a false outcome in which the true one was likelier; equal ones count half.

    None if there are no such pairs. River's two areas do not fit: `ROCAUC` sorts the probabilities into bins, and
    where few sessions buy, almost all are in the first; `RollingROCAUC` misjudges equal ones.

    >>> area_under_curve(np.array([True, True, False]), np.array([0.9, 0.5, 0.5]))
    0.75
    """
    true, false = int(outcomes.sum()), int((~outcomes).sum())
    if not true or not false:
        return None
    _, place, count = np.unique(probabilities, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2.0)[place]
    return float((ranks[outcomes].sum() - true * (true + 1) / 2.0) / (true * false))


def log_losses(outcomes: Bools, probabilities: Floats) -> Floats:
    """Minus the logarithm of the probability that each outcome was given: River's `LogLoss`, one by one.

    >>> log_losses(np.array([True, False]), np.array([0.5, 0.0])).round(3).tolist()
    [0.693, 0.0]
    """
    cut = np.clip(probabilities, _SURE, 1.0 - _SURE)
    losses: Floats = -np.log(np.where(outcomes, cut, 1.0 - cut))
    return losses


def brier_score(outcomes: Bools, probabilities: Floats) -> float:
    """Mean squared distance between probability and outcome.

    >>> brier_score(np.array([True, False]), np.array([0.5, 0.0]))
    0.125
    """
    return float(np.mean((probabilities - outcomes) ** 2))


def reliability(outcomes: Bools, probabilities: Floats, bins: int = 10) -> Reliability:
    """What was predicted and what happened, in bins of equal numbers (to within one); never an empty one.

    >>> reliability(np.array([False, True, True, True]), np.array([0.1, 0.3, 0.8, 0.9]), bins=2).happened.tolist()
    [0.5, 1.0]

    References
    ----------
    [^1]: [Nguyen, K. and O'Connor, B., 2015. Posterior calibration and exploratory analysis for natural language
       processing models. EMNLP, 1587-1598](https://aclanthology.org/D15-1182/)
    """
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return Reliability(
        np.array([probabilities[part].mean() for part in parts]),
        np.array([outcomes[part].mean() for part in parts]),
        np.array([len(part) for part in parts], dtype=np.int64),
    )
