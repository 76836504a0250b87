"""River's `StandardScaler` over rows of an array: the same arithmetic, to the bit, without a dict per row."""

from __future__ import annotations

import numpy as np

from online_models.compiled import Floats, compiled


class StandardScaler:
    """Running mean and variance of each column.

    Parameters
    ----------
    columns
        How many there are.

    Attributes
    ----------
    count : int
        Rows learned so far.
    means, variances
        Shape (columns,); after Welford (1962), as `river.preprocessing.StandardScaler` has them.

    >>> scaler = StandardScaler(1)
    >>> scaler.learn_many(np.array([[1.0], [3.0]]))
    >>> scaler.count, scaler.means.tolist(), scaler.scales.tolist()
    (2, [2.0], [1.0])
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.means = np.zeros(columns)
        self.variances = np.zeros(columns)

    @classmethod
    def restored(cls, count: int, means: Floats, variances: Floats) -> StandardScaler:
        """The scaler as it was after `count` rows."""
        scaler = cls(len(means))
        scaler.count = count
        scaler.means[:], scaler.variances[:] = means, variances
        return scaler

    @property
    def scales(self) -> Floats:
        """Standard deviations; 0 for a column that never varied."""
        deviations: Floats = np.sqrt(np.maximum(self.variances, 0.0))
        return deviations

    def learn_many(self, rows: Floats) -> None:
        """Learn rows of shape (n, columns), in order."""
        _learn(self.count, rows, self.means, self.variances)
        self.count += len(rows)


@compiled
def _learn(count: int, rows: Floats, means: Floats, variances: Floats) -> None:
    for n in range(len(rows)):
        count += 1
        for j in range(len(means)):
            before = means[j]
            means[j] += (rows[n, j] - before) / count
            variances[j] += ((rows[n, j] - before) * (rows[n, j] - means[j]) - variances[j]) / count
