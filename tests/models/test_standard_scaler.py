"""The scaler over arrays is River's, to the bit."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from river import preprocessing

from online_models.standard_scaler import StandardScaler


def test_it_learns_what_rivers_learns_whatever_the_portions() -> None:
    # Given rows of very different sizes, and a column that does not vary
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(1000, 5)) * [1e-9, 1.0, 1e6, 0.0, 3.0] + [0.0, -5.0, 1e3, 7.0, 0.1]
    river: Any = cast(Any, preprocessing).StandardScaler()
    ours = StandardScaler(5)
    for portion in np.split(rows, [1, 2, 40, 999]):
        # When both learn them
        for row in portion.tolist():
            river.learn_one(dict(enumerate(row)))
        ours.learn_many(portion)
        # Then they say the same, and so does one brought back to life
        assert ours.means.tolist() == [river.means[j] for j in range(5)]
        assert ours.variances.tolist() == [river.vars[j] for j in range(5)]
        ours = StandardScaler.restored(ours.count, ours.means, ours.variances)
