"""What a batch of events led to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Int32s, Int64s
from online_models.examples import Examples
from online_models.increments import Increments
from online_models.shopper_records import Found

_NO_EXAMPLES: Final = Examples.empty()  # what most micro-batches of a few events lead to


@dataclass(frozen=True)
class Folded:
    """What a batch of events led to.

    Attributes
    ----------
    touched
        Codes of the shoppers that acted, ascending.
    accepted
        Per event of the batch, whether it was new; the others are duplicates.
    shopper, item
        Per accepted event the codes of both; -1 for a shopper that was forgotten before the batch was over.
    increments, increment_event
        For the similarity model, and the number of the event in the batch that caused each.
    examples, example_event
        For the learner, likewise.
    """

    touched: Int32s
    accepted: NDArray[np.bool_]
    shopper: Int32s
    item: Int32s
    increments: Increments
    increment_event: Int64s
    examples: Examples
    example_event: Int64s


def as_in_the_batch(
    touched: Int32s, accepted: NDArray[np.bool_], kept: Int64s, shopper: Int32s, item: Int32s, found: Found
) -> Folded:
    """What was found, with events numbered as in the batch, duplicates included."""
    return Folded(
        touched=touched,
        accepted=accepted,
        shopper=shopper,
        item=item,
        increments=Increments(found.row, found.neighbour, found.weight, found.kind, found.ts),
        increment_event=kept[found.event],
        examples=Examples.of(found.examples) if len(found.examples) else _NO_EXAMPLES,
        example_event=kept[found.examples["event"]],
    )
