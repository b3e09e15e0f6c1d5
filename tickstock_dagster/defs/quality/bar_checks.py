"""Checks of `ohlcv_daily`, as it stands now.

A check evaluates the table (the latest session that is due, and every open gap), never only its run's partitions:
people see the last evaluation, and a backfill of 2014 must not hide the result of yesterday.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import dagster as dg
import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.loading.tracked import tracked_state, unknown_tickers
from tickstock_dagster.adapters.quality.etf_tracking import read_tracking
from tickstock_dagster.adapters.quality.gap_alerts import read_long_gaps
from tickstock_dagster.adapters.quality.table_checks import (
    Violations,
    broken_invariants,
    column_differences,
    duplicate_keys,
)
from tickstock_dagster.core.bars.columns import DAILY_COLUMNS
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE, latest_due_session, reaches_objective
from tickstock_dagster.core.loading.owed import asked_or_due
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.core.quality.etf_tracking import SIGMAS, Tracking
from tickstock_dagster.core.quality.gap_alerts import LONGEST_ORDINARY_GAP, LongGap
from tickstock_dagster.core.quality.home_markets import HOME_CALENDARS
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.resources import Clock, WarehouseResource

SCAN_SPAN = timedelta(days=45)
"""Rows of this span are checked one by one; for older rows the checks rely on the table's constraints."""

_DESCRIPTIONS = {
    "table_schema": "The table has exactly the columns and types of this release.",
    "unique_keys": "One row per security and session: the primary key exists, and no recent cell has two rows.",
    "ohlc_invariants": "low ≤ open, close ≤ high, prices > 0, volume ≥ 0: constraints exist, recent rows meet them.",
    "session_complete": "No bar is owed: every expected one is stored or explained for good; every ticker is known.",
    "no_long_gaps": "No tracked symbol lacks its bars on more than one session in a row.",
    "latest_session_present": "The latest session that is due has reached its completeness objective.",
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
    # Resolved once for all checks that need it; those of the structure do not.
    tracked = cache(lambda: Expectation.of_tracked(engine))
    latest = calendar.latest_closed_session(now)
    evaluations: dict[str, Callable[[], dg.AssetCheckResult]] = {
        "table_schema": lambda: _structural("table_schema", column_differences(engine, "ohlcv_daily", columns)),
        "unique_keys": lambda: _structural("unique_keys", duplicate_keys(engine, since)),
        "ohlc_invariants": lambda: _structural("ohlc_invariants", broken_invariants(engine, since)),
        "session_complete": lambda: _session_complete(
            engine, asked_or_due(owed_cells(engine, calendar, latest, tracked=tracked()), due)
        ),
        "no_long_gaps": lambda: _no_long_gaps(read_long_gaps(engine, calendar, now, tracked=tracked())),
        "latest_session_present": lambda: _latest_session_present(due, tracked_state(engine, due, tracked())),
        "etf_tracking": lambda: _etf_tracking(
            due, read_tracking(engine, calendar, {key: warehouse.calendar(key) for key in HOME_CALENDARS}, due)
        ),
    }
    selected = {key.name for key in context.selected_asset_check_keys}
    for name, evaluate in evaluations.items():
        if name in selected:
            yield evaluate()


def _session_complete(engine: sa.Engine, owed: pl.DataFrame) -> dg.AssetCheckResult:
    count, head = owed.height, ["session", "ticker", "reason", "evidence"]
    table = markdown_table(head, owed.head(10).select(head).iter_rows())
    unknown = unknown_tickers(engine)
    return _result(
        "session_complete",
        passed=count == 0 and not unknown,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "value": count,
            "threshold": 0,
            "sessions": owed["session"].n_unique(),
            "newest": dg.MetadataValue.md(table if count else "none"),
            "unknown_tickers": ", ".join(unknown[:50]) or "none",
        },
    )


def _no_long_gaps(found: Sequence[LongGap]) -> dg.AssetCheckResult:
    rows = [(gap.symbol, gap.first, gap.last, gap.sessions, gap.reason) for gap in found[:10]]
    table = markdown_table(["symbol", "from", "to", "sessions", "reason"], rows, right={"sessions"})
    return _result(
        "no_long_gaps",
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "value": max((gap.sessions for gap in found), default=0),
            "threshold": LONGEST_ORDINARY_GAP,
            "gaps": len(found),
            "symbols": len({gap.security_id for gap in found}),
            "newest": dg.MetadataValue.md(table if found else "none"),
        },
    )


def _latest_session_present(due: date, state: Completeness | None) -> dg.AssetCheckResult:
    return _result(
        "latest_session_present",
        passed=state is not None and reaches_objective(state),
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "session": str(due),
            "value": state.ratio if state and state.expected else 0.0,
            "threshold": OBJECTIVE,
            "stored": state.stored if state else 0,
            "expected": state.expected if state else 0,
        },
    )


def _etf_tracking(session: date, funds: Sequence[Tracking]) -> dg.AssetCheckResult:
    far = [fund for fund in funds if fund.far and not fund.excused]
    closed = [fund for fund in funds if fund.home is not None and fund.home.closed]
    rows = [
        (
            fund.ticker,
            fund.reference,
            f"{fund.move:+.2%}",
            f"{fund.expected:+.2%}",
            f"{fund.sigmas:+.1f}",
            fund.home.words() if fund.home else None,
        )
        for fund in sorted(far, key=lambda fund: -abs(fund.sigmas))[:10]
    ]
    head = ["ETF", "reference", "moved", "expected", "sigmas", "home market"]
    table = markdown_table(head, rows, right=head[2:5])
    explained = [
        f"- {fund.ticker}{' (explained)' if fund.excused else ''}: {fund.home.words()}" for fund in closed if fund.home
    ]
    return _result(
        "etf_tracking",
        passed=not far,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "session": str(session),
            "value": len(far),
            "threshold": 0,
            "sigmas": SIGMAS,
            "judged": len(funds),
            "explained": sum(fund.excused for fund in funds),
            "far": dg.MetadataValue.md(table if far else "none"),
            "home_closed": dg.MetadataValue.md("\n".join(explained[:50]) or "none"),
        },
    )


def _structural(name: str, violations: Violations) -> dg.AssetCheckResult:
    sample = "\n".join(f"- {line}" for line in violations.sample) or "none"
    metadata = {"value": violations.count, "threshold": 0, "sample": dg.MetadataValue.md(sample)}
    return _result(name, passed=violations.count == 0, severity=dg.AssetCheckSeverity.ERROR, metadata=metadata)


def _result(
    name: str, *, passed: bool, severity: dg.AssetCheckSeverity, metadata: Mapping[str, Any]
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=session_bars.key, check_name=name, passed=passed, severity=severity, metadata=metadata
    )
