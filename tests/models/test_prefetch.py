import numpy as np
import pytest

from online_models.compiled import Int32s, compiled
from online_models.prefetch import prefetch


@compiled
def _sum_asked_for(numbers: Int32s, ahead: int) -> int:
    total = 0
    for place in range(len(numbers)):
        prefetch(numbers, place + ahead)
        total += numbers[place]
    return total


@pytest.mark.parametrize("ahead", [0, 16, 10_000_000, -10_000_000])
def test_asking_for_memory_changes_nothing_even_where_there_is_none(ahead: int) -> None:
    assert _sum_asked_for(np.arange(100, dtype=np.int32), ahead) == 4950
