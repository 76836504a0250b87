"""What the learner agent owns, and what everyone else needs of it: the models, and their published parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from online_models.compiled import Floats, Int64s
from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES, as_rows, standardise
from online_models.k_means import nearest
from online_models.probability_metrics import Bools
from online_models.propensity import Propensity, probabilities
from online_models.rolling_quality import RollingQuality
from online_models.segments import Segments

#: Larger than any parameter or time in milliseconds, small enough that sums stay finite.
_SANE: Final = 1e15


class Learner:
    """The models that are learned from all shoppers together.

    An example is a moment in a shopper's session that has since got its label. Each one is predicted first and
    learned afterwards, so the quality reported is that of predictions about the future. The result depends on the
    examples and their order only, not on the portions they come in.

    Parameters
    ----------
    propensity
        The model of whether a session ends in a purchase.
    segments
        The model of who the customers are.
    window
        How many of the latest predictions count for the quality.

    Attributes
    ----------
    quality : RollingQuality
        How good the last predictions were.
    as_of : int
        The latest event time seen, in milliseconds; 0 before the first example.

    Examples
    --------
    >>> learner = Learner()
    >>> rng = np.random.default_rng(1)
    >>> x, z = rng.normal(size=(1000, len(PROPENSITY_FEATURES))), rng.normal(size=(1000, len(PROFILE_FEATURES)))
    >>> segments = learner.learn_many(x, x[:, 0] > 1.0, z, np.arange(1000))
    >>> int(segments[0]), int(segments[-1]) in range(8)
    (-1, True)
    >>> parameters = learner.parameters()
    >>> round(parameters["propensity"]["auc"], 1), parameters["as_of"]
    (0.9, 999)
    >>> scorer = Scorer.from_parameters(parameters)
    >>> bool((scorer.propensity(x) == learner.propensity.predict_many(x)).all())
    True
    """

    def __init__(
        self, propensity: Propensity | None = None, segments: Segments | None = None, window: int = 5_000
    ) -> None:
        self.propensity = propensity or Propensity()
        self.segments = segments or Segments()
        self.quality = RollingQuality(window)
        if window < self.propensity.batch:
            raise ValueError(f"the window has to hold a mini-batch of {self.propensity.batch}, not {window}")
        _same_features(self.propensity.features, PROPENSITY_FEATURES)
        _same_features(self.segments.features, PROFILE_FEATURES)
        self.as_of = 0

    @property
    def examples(self) -> int:
        """How many examples were predicted and learned: all but those that propensity is not told of."""
        return self.quality.scored

    def learn_many(self, x: ArrayLike, bought: ArrayLike, z: ArrayLike, ts: ArrayLike) -> Int64s:
        """Test on the examples, then learn them, in order.

        Parameters
        ----------
        x
            Features of each session at some moment, one row per example, as in `PROPENSITY_FEATURES`.
        bought
            Whether a purchase followed; -1 for an example that is not for propensity, only for the segments.
        z
            The customer at the end of the session, one row per example, as in `PROFILE_FEATURES`.
        ts
            Event time at which the label became known, in milliseconds.

        Returns
        -------
        The segment of each example's customer, -1 during warm-up.
        """
        rows, customers = as_rows(x, len(PROPENSITY_FEATURES)), as_rows(z, len(PROFILE_FEATURES))
        labels, times = np.asarray(bought, dtype=np.int8), np.asarray(ts, dtype=np.int64)
        if not labels.shape == times.shape == (len(rows),) == (len(customers),):
            raise ValueError(
                f"{len(rows)} sessions, {labels.shape} labels, {len(customers)} customers and {times.shape} times"
                " are not one example each"
            )
        told = labels >= 0
        self._test_then_learn(rows[told], labels[told] > 0, times[told])
        self.as_of = max(self.as_of, int(times.max(initial=0)))
        segments, distances = self.segments.learn_measure_many(customers)
        self.quality.learn_distances(distances, times)
        return segments

    def parameters(self) -> dict[str, Any]:
        """All that is needed to score and to show the models, as it is published: plain JSON."""
        p = self.propensity
        propensity: dict[str, Any] = {
            "features": list(p.features),
            "weights": p.weights.tolist(),
            "intercept": p.intercept,
            "means": p.means.tolist(),
            "scales": p.scales.tolist(),
            "examples": p.examples,
        }
        return {
            "propensity": propensity | self.quality.propensity(),
            "segments": self._customers(),
            "as_of": self.as_of,
        }

    def state(self) -> dict[str, Any]:
        """Everything there is to know, as plain values and arrays."""
        return {
            "propensity": self.propensity.state(),
            "segments": self.segments.state(),
            "quality": self.quality.state(),
            "as_of": self.as_of,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Learner:
        """Rebuild what `state` was taken from; it goes on exactly as the original would."""
        propensity = Propensity.from_state(state["propensity"])
        learner = cls(propensity, Segments.from_state(state["segments"]), int(state["quality"]["window"]))
        learner.quality = RollingQuality.from_state(state["quality"])
        learner.as_of = int(state["as_of"])
        return learner

    def _test_then_learn(self, rows: Floats, labels: Bools, times: Int64s) -> None:
        """Every example is predicted before it is learned; what the quality holds at a time is the window."""
        scores = self.propensity.predict_learn_many(rows, labels)
        for start in range(0, len(rows), self.quality.window):
            some = slice(start, start + self.quality.window)
            self.quality.learn_scores(scores[some], labels[some], times[some])

    def _customers(self) -> dict[str, Any] | None:
        segments = self.segments.describe()
        if not segments:
            return None
        return {
            "features": list(self.segments.features),
            "centers": self.segments.centers.tolist(),
            "means": self.segments.means.tolist(),
            "scales": self.segments.scales.tolist(),
            "sizes": [segment.share for segment in segments],
            "names": [segment.name for segment in segments],
            "sentences": [segment.sentence for segment in segments],
            "examples": self.segments.examples,
            **self.quality.segments(),
        }


@dataclass(frozen=True)
class Scorer:
    """The learned models as everyone else uses them: published parameters in, scores out, nothing learned.

    Parameters
    ----------
    as_of
        The latest event time that went into the models, in milliseconds.
    weights, intercept, means, scales
        Of the logistic regression, and of the scaler before it.
    centers, customer_means, customer_scales
        Of K-means, and of the scaler before it; no centres during warm-up.
    names
        Of the segments, by number.
    """

    as_of: int
    weights: Floats
    intercept: float
    means: Floats
    scales: Floats
    centers: Floats
    customer_means: Floats
    customer_scales: Floats
    names: tuple[str, ...]

    @classmethod
    def from_parameters(cls, parameters: Any) -> Scorer:
        """Read what `Learner.parameters` gave out; anything else is a ValueError that says what is wrong."""
        p = _table(parameters, "propensity")
        _same_features(p.get("features"), PROPENSITY_FEATURES)
        width, customer_width = len(PROPENSITY_FEATURES), len(PROFILE_FEATURES)
        nobody = np.zeros(customer_width)
        s: Mapping[str, Any] = {"names": [], "centers": nobody[None][:0], "means": nobody, "scales": nobody}
        if parameters.get("segments", ...) is not None:
            s = _table(parameters, "segments")
            _same_features(s.get("features"), PROFILE_FEATURES)
        return cls(
            as_of=int(_numbers(parameters, "as_of", ())),
            weights=_numbers(p, "weights", (width,)),
            intercept=float(_numbers(p, "intercept", ())),
            means=_numbers(p, "means", (width,)),
            scales=_numbers(p, "scales", (width,)),
            names=_texts(s, "names"),
            centers=_numbers(s, "centers", (len(s["names"]), customer_width)),
            customer_means=_numbers(s, "means", (customer_width,)),
            customer_scales=_numbers(s, "scales", (customer_width,)),
        )

    def propensity(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Probability of a purchase for each row of session features."""
        rows = as_rows(X, len(self.means))
        return probabilities(standardise(rows, self.means, self.scales), self.weights, self.intercept)

    def segment(self, Z: ArrayLike) -> Int64s:  # noqa: N803
        """Number of the segment for each row of customer features; -1 during warm-up."""
        rows = as_rows(Z, len(self.customer_means))
        if not len(self.centers):
            return np.full(len(rows), -1, dtype=np.int64)
        return nearest(standardise(rows, self.customer_means, self.customer_scales), self.centers)


def _same_features(found: Any, expected: Sequence[str]) -> None:
    if not isinstance(found, (list, tuple)) or tuple(found) != tuple(expected):
        raise ValueError(f"the features are {found!r} and not {list(expected)}: from another version?")


def _table(parameters: Any, name: str) -> Mapping[str, Any]:
    table = parameters.get(name) if isinstance(parameters, Mapping) else None
    if not isinstance(table, Mapping):
        raise ValueError(f"model parameters without a table {name!r}")
    return table


def _texts(table: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = table.get(name)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"model parameter {name!r} is not a list of texts")
    return tuple(texts)


def _numbers(table: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Floats:
    numbers = np.array(table.get(name), dtype=object)
    if numbers.shape != shape:
        raise ValueError(f"model parameter {name!r} does not have the shape {shape}")
    least = 0.0 if name == "scales" else -_SANE
    if not all(type(number) in (int, float) and least <= number <= _SANE for number in numbers.flat):
        raise ValueError(f"model parameter {name!r} has something in it that cannot be")
    return numbers.astype(np.float64)
