"""Checks of `ohlcv_daily`, as it stands now.

A check evaluates the table (the latest session that is due, and every open gap), never only its run's partitions:
people see the last evaluation, and a backfill of 2014 must not hide the result of yesterday.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import dagster as dg

from tickstock_dagster.adapters.quality.etf_tracking import read_tracking
from tickstock_dagster.adapters.quality.judged import SessionFindings, current_findings
from tickstock_dagster.adapters.quality.table_checks import (
    Violations,
    broken_invariants,
    column_differences,
    duplicate_keys,
    lost_securities,
)
from tickstock_dagster.core.bars.columns import DAILY_COLUMNS
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.loading.end_of_day import latest_due_session
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.quality.etf_tracking import SIGMAS, Tracking
from tickstock_dagster.core.quality.findings import Verdict
from tickstock_dagster.core.quality.home_markets import HOME_CALENDARS
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
    "unique_keys": "One row per security and session, and each of a security that exists: keys and guards hold.",
    "ohlc_invariants": "low ≤ open, close ≤ high, prices > 0, volume ≥ 0: constraints exist, recent rows meet them.",
    **COMPLETENESS_CHECKS,
    "etf_tracking": "On the latest session due, no ETF is far from its reference, unless its home market was closed.",
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
    """Structure and the latest due session (ERROR), gaps and ETFs (WARN); each can run alone."""
    engine, calendar, now = warehouse.engine(), warehouse.calendar(MARKET), clock.now()
    due = latest_due_session(calendar, now)
    columns = {column.name: column.type for column in DAILY_COLUMNS}
    since = now.date() - SCAN_SPAN
    standing = Standing(engine, calendar, now)
    evaluations: dict[str, Callable[[], dg.AssetCheckResult]] = {
        "table_schema": lambda: _structural("table_schema", column_differences(engine, "ohlcv_daily", columns)),
        "unique_keys": lambda: _structural("unique_keys", duplicate_keys(engine, since) + lost_securities(engine)),
        "ohlc_invariants": lambda: _structural("ohlc_invariants", broken_invariants(engine, since)),
        "session_complete": lambda: session_complete(session_bars.key, standing),
        "no_long_gaps": lambda: no_long_gaps(session_bars.key, standing),
        "latest_session_present": lambda: latest_session_present(session_bars.key, standing),
        "etf_tracking": lambda: _etf_tracking(
            current_findings(engine, calendar, due),
            # The funds whose home market was closed, far or not, are shown as well.
            read_tracking(engine, calendar, {key: warehouse.calendar(key) for key in HOME_CALENDARS}, due),
        ),
    }
    selected = {key.name for key in context.selected_asset_check_keys}
    for name, evaluate in evaluations.items():
        if name in selected:
            yield evaluate()


def _etf_tracking(day: SessionFindings, funds: Sequence[Tracking]) -> dg.AssetCheckResult:
    found, known = day.of_rule("reference_gap"), {fund.security_id: fund for fund in funds}
    far = [one for one in found if one.verdict is not Verdict.EXPLAINED]
    explained = {one.ticker for one in found if one.verdict is Verdict.EXPLAINED}
    rows = []
    for one in far[:10]:
        fund = known.get(one.key.security_id)
        moves = (f"{one.evidence[name]:+.2%}" for name in ("own_return", "expected"))
        home = fund.home.words() if fund and fund.home else None
        rows.append((one.ticker, fund and fund.reference, *moves, f"{one.value:+.1f}", home))
    head = ["ETF", "reference", "moved", "expected", "sigmas", "home market"]
    table = markdown_table(head, rows, right=head[2:5])
    closed = [
        f"- {fund.ticker}{' (explained)' if fund.ticker in explained else ''}: {fund.home.words()}"
        for fund in funds
        if fund.home is not None and fund.home.closed
    ]
    return check_result(
        session_bars.key,
        "etf_tracking",
        passed=not far,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "session": str(day.session),
            "value": len(far),
            "threshold": 0,
            "sigmas": SIGMAS,
            "judged": len(funds),
            "explained": len(explained),
            "far": dg.MetadataValue.md(table if far else "none"),
            "home_closed": dg.MetadataValue.md("\n".join(closed[:50]) or "none"),
        },
    )


def _structural(name: str, violations: Violations) -> dg.AssetCheckResult:
    sample = "\n".join(f"- {line}" for line in violations.sample) or "none"
    metadata = {"value": violations.count, "threshold": 0, "sample": dg.MetadataValue.md(sample)}
    passed, severity = violations.count == 0, dg.AssetCheckSeverity.ERROR
    return check_result(session_bars.key, name, passed=passed, severity=severity, metadata=metadata)
