"""Seconds by phase: added up, kept when a block raises, and without what is done between two items."""

import time
from collections.abc import Iterator

import pytest

from tickstock_dagster.adapters.loading.phase_timer import PhaseTimer


def test_seconds_add_up_by_phase_even_where_a_block_raises() -> None:
    timer = PhaseTimer()
    for _ in range(2):
        with timer.phase("a"):
            time.sleep(0.01)
    with pytest.raises(ValueError, match="sleep length"), timer.phase("b"):
        time.sleep(-1)
    assert list(timer.seconds) == ["a", "b"]
    assert timer.seconds["a"] >= 0.02 > timer.seconds["b"]


def test_only_the_waiting_for_items_counts_and_errors_pass_through() -> None:
    def items() -> Iterator[int]:
        time.sleep(0.01)
        yield 1
        time.sleep(0.01)
        raise ValueError("no more")

    timer = PhaseTimer()
    waiting = timer.waiting("fetch", items())
    assert next(waiting) == 1
    time.sleep(0.2)
    with pytest.raises(ValueError, match="no more"):
        next(waiting)
    assert 0.02 <= timer.seconds["fetch"] < 0.2
