"""Checks of `ohlcv_daily`, as it stands now.

A check evaluates the table (the latest session that is due, and every open gap), never only its run's partitions:
people see the last evaluation, and a backfill of 2014 must not hide the result of yesterday.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

import dagster as dg

from tickstock_dagster.adapters.quality.table_checks import (
    Violations,
    broken_invariants,
    column_differences,
    duplicate_keys,
    lost_securities,
    off_session,
)
from tickstock_dagster.core.bars.columns import DAILY_COLUMNS
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.quality.completeness_checks import (
    COMPLETENESS_CHECKS,
    Standing,
    check_result,
    latest_session_present,
    no_long_gaps,
    session_complete,
)
from tickstock_dagster.defs.resources import Clock, WarehouseResource

SCAN_SPAN = timedelta(days=45)
"""Rows of this span are checked one by one; for older rows the checks rely on the table's constraints."""

_DESCRIPTIONS = {
    "table_schema": "The table has exactly the columns and types of this release.",
    "unique_keys": "One row per security and session, each of which exists: keys and guards hold.",
    "ohlc_invariants": "low ≤ open, close ≤ high, prices > 0, volume ≥ 0: constraints exist, recent rows meet them.",
    **COMPLETENESS_CHECKS,
}

_STRUCTURAL = ("table_schema", "unique_keys", "ohlc_invariants")
"""Blocking: what is computed from a broken table would be wrong as well."""


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(name, asset=session_bars, description=description, blocking=name in _STRUCTURAL)
        for name, description in _DESCRIPTIONS.items()
    ],
    can_subset=True,
)
def bar_checks(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, clock: Clock
) -> Iterator[dg.AssetCheckResult]:
    """Structure and the latest due session (ERROR), gaps (WARN); each can run alone."""
    engine, calendar, now = warehouse.engine(), warehouse.calendar(MARKET), clock.now()
    columns = {column.name: column.type for column in DAILY_COLUMNS}
    since = now.date() - SCAN_SPAN
    standing = Standing(engine, calendar, now)

    def keys() -> Violations:
        return (
            duplicate_keys(engine, since) + lost_securities(engine) + off_session(engine, calendar, since, now.date())
        )

    evaluations: dict[str, Callable[[], dg.AssetCheckResult]] = {
        "table_schema": lambda: _structural("table_schema", column_differences(engine, "ohlcv_daily", columns)),
        "unique_keys": lambda: _structural("unique_keys", keys()),
        "ohlc_invariants": lambda: _structural("ohlc_invariants", broken_invariants(engine, since)),
        "session_complete": lambda: session_complete(session_bars.key, standing),
        "no_long_gaps": lambda: no_long_gaps(session_bars.key, standing),
        "latest_session_present": lambda: latest_session_present(session_bars.key, standing),
    }
    selected = {key.name for key in context.selected_asset_check_keys}
    for name, evaluate in evaluations.items():
        if name in selected:
            yield evaluate()


def _structural(name: str, violations: Violations) -> dg.AssetCheckResult:
    sample = "\n".join(f"- {line}" for line in violations.sample) or "none"
    metadata = {"value": violations.count, "threshold": 0, "sample": dg.MetadataValue.md(sample)}
    passed, severity = violations.count == 0, dg.AssetCheckSeverity.ERROR
    return check_result(session_bars.key, name, passed=passed, severity=severity, metadata=metadata)
