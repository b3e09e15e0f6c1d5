"""What is held against the targets of a type, and which day it is."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tickstock_dagster.core.loading.performance import FEW, TypePerformance, day_span
from tickstock_dagster.core.loading.queueing import QueueBounds, QueueFullError, refuse_overflow

ONE = TypePerformance(date(2026, 11, 20), "CS", 30, 30, 30, 0, 100.0, 400.0, 100.0, 500.0, 99.5)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ({}, ()),
        ({"p95_ms": 500.0}, ()),
        ({"p95_ms": 501.0}, ("501 ms per symbol (95th percentile), target 500 ms",)),
        ({"p95_ms": 900.0, "symbols": FEW - 1}, ()),
        ({"p50_ms": 600.0, "p95_ms": 900.0, "symbols": FEW - 1}, ("600 ms per symbol (median), target 500 ms",)),
        ({"success_rate": 99.5}, ()),
        ({"success_rate": 99.4}, ("99.40 % succeeded, target 99.5 %",)),
        ({"success_rate": None, "p50_ms": None, "p95_ms": None}, ()),
    ],
)
def test_a_target_is_missed_by_what_was_measured(measured: dict[str, float], words: tuple[str, ...]) -> None:
    found = replace(ONE, **measured)  # type: ignore[arg-type]
    assert (found.missed, found.breached) == (words, bool(words))


def test_the_days_of_a_change_of_clocks_have_23_and_25_hours() -> None:
    zone = ZoneInfo("America/New_York")
    assert day_span(date(2026, 11, 20), zone)[0] == datetime(2026, 11, 20, 5, tzinfo=UTC)
    hours = [(until - since).total_seconds() / 3600 for since, until in (day_span(day, zone) for day in CHANGES)]
    assert hours == [23, 25]


CHANGES = (date(2026, 3, 8), date(2026, 11, 1))


@pytest.mark.parametrize(
    ("there", "asked", "bound"),
    [
        ({"CS": 3}, {"CS": 2}, None),
        ({"CS": 3}, {"CS": 3}, 5),
        ({"CS": 4, "ETF": 4}, {"ETF": 1}, None),
        ({"CS": 5, "ETF": 4}, {"ETF": 1}, 9),
        ({None: 9}, {None: 1}, 9),
        ({None: 8}, {None: 1}, None),
        ({"CS": 20}, {}, None),
    ],
)
def test_both_bounds_hold_for_what_is_added(
    there: dict[str | None, int], asked: dict[str | None, int], bound: int | None
) -> None:
    bounds = QueueBounds(per_type=5, in_all=9)
    if bound is None:
        refuse_overflow(bounds, there, asked)
        return
    with pytest.raises(QueueFullError) as refused:
        refuse_overflow(bounds, there, asked)
    assert (refused.value.bound, refused.value.asked) == (bound, sum(asked.values()))
