"""How likely a session is to end in a purchase: logistic regression in fixed mini-batches, to the bit as River's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from online_models.compiled import Floats, compiled
from online_models.features import DEVIATION_LIMIT, PROPENSITY_FEATURES, as_rows
from online_models.standard_scaler import StandardScaler

_PARAMETERS = ("features", "batch", "learning_rate", "power", "intercept_rate", "intercept", "l2")


def probabilities(deviations: Floats, weights: Floats, intercept: float) -> Floats:
    """The logistic function of the weighted sum of each row.

    Added up column by column, so that the bits of a row's result do not depend on the rows around it.

    >>> probabilities(np.array([[0.0, 9.0], [1.0, 9.0]]), np.array([2.0, 0.0]), 0.0).round(3).tolist()
    [0.5, 0.881]
    """
    logits = np.full(len(deviations), float(intercept))
    for column, weight in enumerate(weights):
        logits += deviations[:, column] * weight
    return _logistic(logits)


def _logistic(logits: Floats) -> Floats:
    result: Floats = 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))
    return result


@compiled
def _deviation(value: float, mean: float, scale: float) -> float:
    return min(max((value - mean) / scale, -DEVIATION_LIMIT), DEVIATION_LIMIT) if scale > 0.0 else 0.0


@compiled
def _weigh(rows: Floats, means: Floats, scales: Floats, weights: Floats, intercept: float, logits: Floats) -> None:
    """Fill `logits`, of shape (n,): what `probabilities` adds up, of rows as they are before `standardise`."""
    for n in range(len(rows)):
        total = intercept
        for j in range(len(weights)):
            total += _deviation(rows[n, j], means[j], scales[j]) * weights[j]
        logits[n] = total


@compiled
def _deviations(rows: Floats, means: Floats, scales: Floats) -> Floats:
    """What `standardise` says, of a few rows."""
    deviations = np.empty(rows.shape)
    for n in range(len(rows)):
        for j in range(len(means)):
            deviations[n, j] = _deviation(rows[n, j], means[j], scales[j])
    return deviations


class Propensity:
    """The probability that a session will end in a purchase.

    A scaler and a `LogisticRegression` with River's arithmetic, on arrays. The gradient is averaged over mini-batches
    of exactly `batch` examples, counted from the start of the stream: examples wait until their mini-batch is
    full, and until then nothing about the predictions changes. It makes no difference in what portions they
    arrive. Values are cut to sane limits on the way in (see `online_models.features`), so that no NaN or
    infinity can get into the weights.

    The step size falls with the number of mini-batches, but slowly enough to follow a shop that changes:
    0.16 after 100, 0.025 after 10,000.

    Parameters
    ----------
    features
        Names of the features, in the order of the columns.
    batch
        Examples per step; 16 to 64 do equally well.
    learning_rate
        Size of the first step.
    power
        The step size falls with the number of steps to this power; 0 keeps it.
    intercept_rate
        Step size of the intercept, which does not fall: the share of buyers changes with every campaign.
    intercept
        Where the intercept starts; -3 means that one session in twenty buys.
    l2
        Pull of the weights towards 0.

    Attributes
    ----------
    examples : int
        How many examples were seen, those waiting included.
    means, scales : array
        What the scaler says at the latest step; a scale of 0 marks a feature that never varied.
    weights : array
        In the order of `features`, for standardised values.
    intercept : float
        The log odds of a shopper who is average in everything.

    Examples
    --------
    >>> model = Propensity(features=("carts", "noise"), batch=2)
    >>> for carts in (0, 3, 1, 4, 0, 5) * 10:
    ...     model.learn_one({"carts": carts, "noise": 7.0}, carts > 2)
    >>> model.predict_one({"carts": 5, "noise": 7.0}), model.predict_one({"carts": 0, "noise": 7.0})
    (True, False)
    >>> model.predict_many([[5.0, 7.0], [0.0, 7.0]]).round(2).tolist()
    [0.93, 0.0]

    References
    ----------
    [^1]: [River: LogisticRegression](https://riverml.xyz/latest/api/linear-model/LogisticRegression/)
    [^2]: [Bottou, L., 2012. Stochastic gradient descent tricks. In Neural networks: Tricks of the trade, 421-436](https://cilvr.cs.nyu.edu/diglib/lsml/bottou-sgd-tricks-2012.pdf)

    """

    def __init__(
        self,
        features: Sequence[str] = PROPENSITY_FEATURES,
        batch: int = 32,
        learning_rate: float = 1.0,
        power: float = 0.4,
        intercept_rate: float = 0.1,
        intercept: float = -3.0,
        l2: float = 0.001,
    ) -> None:
        if batch < 1 or not features:
            raise ValueError("propensity needs at least one feature and one example per mini-batch")
        self.features = tuple(features)
        self.batch = batch
        self.learning_rate = learning_rate
        self.power = power
        self.intercept_rate = intercept_rate
        self.intercept = float(intercept)
        self.l2 = l2
        self.examples = 0
        self.scaler = StandardScaler(len(self.features))
        self.means = np.zeros(len(self.features))
        self.scales = np.zeros(len(self.features))
        self.weights = np.zeros(len(self.features))
        self._waiting = np.zeros((batch, len(self.features)))
        self._bought = np.zeros(batch, dtype=np.bool_)

    def learn_one(self, x: Mapping[str, float], y: bool) -> None:
        """Learn one example, given by feature names."""
        self.learn_many([[x[name] for name in self.features]], [y])

    def learn_many(self, X: ArrayLike, y: ArrayLike) -> None:  # noqa: N803
        """Learn the rows of `X`, in order: the same as `learn_one` for each, bit for bit."""
        self.predict_learn_many(X, y)

    def predict_learn_many(self, X: ArrayLike, y: ArrayLike) -> Floats:  # noqa: N803
        """Learn the rows of `X`, in order; returns the probability that each one was given before it was learned."""
        rows = as_rows(X, len(self.features))
        bought = np.asarray(y, dtype=np.bool_)
        if bought.shape != (len(rows),):
            raise ValueError(f"expected {len(rows)} labels, got an array of shape {bought.shape}")
        logits = np.empty(len(rows))
        start = 0
        while start < len(rows):
            place = self.examples % self.batch
            stop = min(start + self.batch - place, len(rows))
            taken = rows[start:stop]
            _weigh(taken, self.means, self.scales, self.weights, self.intercept, logits[start:stop])
            self._waiting[place : place + len(taken)] = taken
            self._bought[place : place + len(taken)] = bought[start:stop]
            self.examples += len(taken)
            start = stop
            if self.examples % self.batch == 0:
                self._step()
        return _logistic(logits)

    def predict_proba_one(self, x: Mapping[str, float]) -> dict[bool, float]:
        """Probability of each outcome, in River's form."""
        p = float(self.predict_many([[x[name] for name in self.features]])[0])
        return {False: 1.0 - p, True: p}

    def predict_one(self, x: Mapping[str, float]) -> bool:
        """Whether a purchase is more likely than not."""
        return self.predict_proba_one(x)[True] > 0.5

    def predict_many(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Probability of a purchase for each row."""
        rows = as_rows(X, len(self.features))
        logits = np.empty(len(rows))
        _weigh(rows, self.means, self.scales, self.weights, self.intercept, logits)
        return _logistic(logits)

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as plain values and arrays."""
        learned = {
            "features": list(self.features),
            "examples": self.examples,
            "means": self.means.copy(),
            "variances": self.scaler.variances.copy(),
            "weights": self.weights.copy(),
            "waiting": self._waiting.copy(),
            "bought": self._bought.copy(),
        }
        return {name: getattr(self, name) for name in _PARAMETERS} | learned

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Propensity:
        """Rebuild what `state` was taken from; it goes on exactly as the original would."""
        model = cls(**{name: state[name] for name in _PARAMETERS})
        model.examples = int(state["examples"])
        model._waiting[:] = state["waiting"]
        model._bought[:] = state["bought"]
        steps = model.examples // model.batch
        if steps:
            model.scaler = StandardScaler.restored(steps * model.batch, state["means"], state["variances"])
            model.means, model.scales = model.scaler.means.copy(), model.scaler.scales
            model.weights = np.array(state["weights"], dtype=np.float64)
        return model

    def _step(self) -> None:
        """Learn the full mini-batch: first the scaler, then one step down the mean gradient.

        This is what River's `learn_many` computes once it has unpacked a dataframe, with the very same functions of
        numpy, which do not add up in the order of a loop: River's dictionaries cost more than all of it.
        """
        self.scaler.learn_many(self._waiting)
        self.means, self.scales = self.scaler.means.copy(), self.scaler.scales
        deviations = _deviations(self._waiting, self.means, self.scales)
        signs = 2 * self._bought - 1
        errors = -signs / (np.exp((deviations @ self.weights + self.intercept) * signs) + 1.0)
        gradient = np.einsum("ij,i->j", deviations, errors) / self.batch + self.l2 * self.weights
        rate = self.learning_rate / math.pow(self.examples // self.batch, self.power)
        self.intercept -= self.intercept_rate * float(errors.mean())
        self.weights = self.weights - rate * gradient
