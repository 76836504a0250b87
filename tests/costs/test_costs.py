"""What a micro-batch costs does not grow unnoticed: counts instead of times, so that no busy machine is to blame."""

from __future__ import annotations

from typing import Final, NamedTuple

import pytest

from streams.settings import Settings
from tests.costs.cost import Cost, cost_of
from tests.costs.micro_batches import LARGEST, MicroBatches

SMALL: Final = 1_000


class Figures(NamedTuple):
    """Of one function.

    Attributes
    ----------
    steps
        Of the interpreter, for a micro-batch of 1,000 events; see `tests.costs.cost.Cost`, likewise for the others.
    steps_per_event, objects_per_event, bytes_per_event
        How much more for each event of a larger one.
    """

    steps: float
    steps_per_event: float
    objects_per_event: float
    bytes_per_event: float


#: What was found when it was last looked at, with Python 3.11, and the ceiling. Newer Pythons take fewer steps.
#: Ceilings are about a third higher, but leave no room for a step more with every event, or with every list where
#: that is the rule (0.27 lists per event here). `python -m pytest tests/costs -rP` prints what is found now.
CEILINGS: Final = {
    "decode": (Figures(420, 0.63, 0.26, 329), Figures(560, 0.85, 0.40, 430)),
    "fold_shoppers": (Figures(366, 0.03, 0.00, 795), Figures(475, 0.10, 0.20, 1030)),
    "recommend": (Figures(271, 0.00, 0.00, 171), Figures(310, 0.10, 0.10, 210)),
    "shoppers": (Figures(2445, 0.95, 0.29, 1137), Figures(3150, 1.25, 0.45, 1480)),
    "affinity": (Figures(1249, 0.11, 0.02, 355), Figures(1500, 0.20, 0.15, 800)),
    "learner": (Figures(9706, 0.41, 0.06, 169), Figures(12700, 0.70, 0.30, 240)),
}
WHAT: Final = (
    f"{{:,.0f}} steps of the interpreter for {SMALL:,} events",
    "{:,.2f} steps of the interpreter for each further event",
    "{:,.2f} objects made for each further event",
    "{:,.0f} bytes held for each further event",
)


def figures(small: Cost, large: Cost) -> Figures:
    """From a micro-batch of `SMALL` events and one of `LARGEST`."""
    more = LARGEST - SMALL
    return Figures(
        small.steps, *((of_large - of_small) / more for of_small, of_large in zip(small, large, strict=True))
    )


def complaints(name: str, found: Figures) -> list[str]:
    """A sentence for each ceiling that is broken."""
    before, ceiling = CEILINGS[name]
    return [
        f"{name} takes {what.format(now)}, at most {most:g} are allowed, and it was {was:g}: look for what is done in "
        f"Python for every event, or, if it is meant, raise the ceiling of {name} in CEILINGS."
        for what, now, was, most in zip(WHAT, found, before, ceiling, strict=True)
        if now > most
    ]


@pytest.fixture(scope="module")
def batches(redis_url: str) -> MicroBatches:
    """The shop, after its history."""
    return MicroBatches.after_history(Settings(redis=redis_url, prefix="costs:"))


@pytest.mark.parametrize("name", CEILINGS)
def test_a_micro_batch_costs_no_more_than_it_did(batches: MicroBatches, name: str) -> None:
    ready = getattr(batches, name)
    found = figures(cost_of(lambda: ready(SMALL)), cost_of(lambda: ready(LARGEST)))
    print(f'"{name}": Figures({", ".join(f"{figure:.2f}" for figure in found)})')
    assert not complaints(name, found), "\n".join(complaints(name, found))


def test_the_same_micro_batch_costs_the_same_each_time(batches: MicroBatches) -> None:
    first, second = (cost_of(lambda: batches.shoppers(SMALL)) for _ in range(2))
    assert first.steps == second.steps
    assert first.bytes == pytest.approx(second.bytes, rel=0.01)


def test_a_broken_ceiling_is_told_in_a_sentence() -> None:
    _, ceiling = CEILINGS["decode"]
    assert complaints("decode", ceiling) == []
    assert complaints("decode", ceiling._replace(steps_per_event=1.63)) == [
        "decode takes 1.63 steps of the interpreter for each further event, at most 0.85 are allowed, and it was 0.63: "
        "look for what is done in Python for every event, or, if it is meant, raise the ceiling of decode in CEILINGS."
    ]
