"""What another document would have done: each symbol, alert, unit and retry that differs, once."""

from datetime import date

import polars as pl

from tickstock_dagster.core.priority import Priority
from tickstock_dagster.core.quality.type_shadow import (
    VERDICT_SCHEMA,
    AlertChange,
    RetryChange,
    UnitChange,
    VerdictChange,
    retry_changes,
    unit_changes,
    verdict_changes,
)
from tickstock_dagster.core.securities.equity_types import RetryConfig

THU, FRI = date(2026, 11, 19), date(2026, 11, 20)


def test_a_symbol_whose_verdict_differs_is_named_once_with_its_newest_numbers_and_failures_first() -> None:
    rows = [
        (THU, "AAA", "fails", "passes", "aum_usd 5", 1), (THU, "BBB", "passes", "fails", "aum_usd 3 is below 4", 2),
        (FRI, "BBB", "passes", "fails", "aum_usd 2 is below 4", 2), (FRI, "CCC", "passes", "passes", "aum_usd 9", 3),
    ]  # fmt: skip
    assert verdict_changes(pl.DataFrame(rows, schema=VERDICT_SCHEMA, orient="row")) == (
        VerdictChange("BBB", "passes", "fails", "aum_usd 2 is below 4", 2, FRI),
        VerdictChange("AAA", "fails", "passes", "aum_usd 5", 1, THU),
    )


def test_alerts_units_and_retries_that_differ_are_named() -> None:
    assert AlertChange.of(FRI, "price", {"AAA", "BBB"}, {"BBB", "CCC"}) == AlertChange(
        FRI, "price", 2, 2, ("CCC",), ("AAA",)
    )
    units = {"u1": ("range", "AAA", THU, FRI), "u2": ("range", "BBB", FRI, FRI)}
    low, high = (dict.fromkeys(units, one) for one in (Priority.LOW, Priority.HIGH))
    assert unit_changes(units, low, {**low, "u2": Priority.HIGH}) == (
        UnitChange("range", "BBB", FRI, FRI, Priority.LOW, Priority.HIGH),
    )
    assert unit_changes(units, high, high) == ()
    gaps = [("AAA", FRI, 0), ("BBB", FRI, 1), ("CCC", FRI, 2), ("DDD", FRI, 5)]
    before, after = RetryConfig(max_retries=2, backoff_multiplier=2), RetryConfig(max_retries=3, backoff_multiplier=3)
    assert retry_changes(gaps, before, after) == (
        RetryChange("BBB", FRI, 1, 30.0, 45.0), RetryChange("CCC", FRI, 2, None, 135.0)
    )  # fmt: skip
