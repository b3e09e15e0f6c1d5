"""Gaps of more than one session in the store, a finding and an event for each; `core.quality.gap_alerts` finds them.

An alert matches the committed gaps: a transaction in which no bar can be stored writes it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.coverage import PLAN_HISTORY
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.findings import Scope, StoredFindings, read_findings, store_findings
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.loading.end_of_day import latest_due_session
from tickstock_dagster.core.loading.owed import asked_or_due
from tickstock_dagster.core.quality.gap_alerts import OPEN_GAP_SCHEMA, LongGap, long_gaps
from tickstock_dagster.core.quality.lifecycle import STALE, Finding, standing


def read_long_gaps(engine: sa.Engine, calendar: SessionCalendar, now: datetime) -> list[LongGap]:
    """Gaps of more than one session in what is owed now, the newest first; arguments as for `long_gaps_of`."""
    return long_gaps_of(owed_cells(engine, calendar, calendar.latest_closed_session(now)), calendar, now)


def long_gaps_of(owed: pl.DataFrame, calendar: SessionCalendar, now: datetime) -> list[LongGap]:
    """Gaps of more than one session, the newest first.

    Cells before the plan's history are left out: waiting does not help. So are those that are not to be requested yet.

    Args:
        owed: `owed_cells` of everything tracked, up to the latest closed session.
        calendar: with its overrides applied.
        now: aware.
    """
    owed = asked_or_due(owed, latest_due_session(calendar, now))
    owed = owed.filter(~pl.col("evidence").str.starts_with(PLAN_HISTORY))
    if owed.is_empty():
        return []
    days = owed["session"]
    return long_gaps(owed.select(list(OPEN_GAP_SCHEMA)), calendar.sessions(days.min(), days.max()))  # type: ignore[arg-type]  # dates, as the schema says


def publish_long_gaps(engine: sa.Engine, calendar: SessionCalendar, *, market: str, run_id: str, now: datetime) -> int:
    """Store a finding for each gap of more than one session, and publish one alert for each that has none yet.

    Findings of gaps that are filled are withdrawn, which raises no alert.

    Args:
        engine: the store's.
        calendar: with its overrides applied.
        market: MIC of the calendar.
        run_id: the Dagster run, or cli.
        now: aware.

    Returns:
        The number of new alerts.
    """
    with transaction(engine) as connection:
        lock(connection, Lock.BARS)
        return store_stale(connection, engine, calendar, market=market, run_id=run_id, now=now).alerted


def store_stale(
    connection: psycopg.Connection[Any],
    engine: sa.Engine,
    calendar: SessionCalendar,
    *,
    market: str,
    run_id: str,
    now: datetime,
) -> StoredFindings:
    """The same within the caller's transaction, which holds the lock of bars."""
    found = stale_findings(connection, read_long_gaps(engine, calendar, now))
    return store_findings(connection, found, _scope(connection, found, market), market=market, run_id=run_id, now=now)


def standing_stale(engine: sa.Engine, gaps: Sequence[LongGap], market: str) -> list[Finding]:
    """The findings that some gaps come to, as people have decided about them, in the order of the gaps; writes nothing.

    Those that a person has released are left out.
    """
    with transaction(engine) as connection:
        found = stale_findings(connection, gaps)
        stored = read_findings(connection, _scope(connection, found, market))
    stands = {one.key: one for one in standing(stored, found)}
    kept = [stands.get(one.key, one) for one in found]
    return [one for one in kept if one.verdict is not Verdict.EXPLAINED]


def _scope(connection: psycopg.Connection[Any], found: Sequence[Finding], market: str) -> Scope:
    """Everything that lacks bars of a market, or lacked them: missing bars are judged as a whole."""
    ids = [security for (security,) in connection.execute(statement("quality/stale_securities"), _in_market(market))]
    return Scope(date.min, date.max, [STALE], sorted({*ids, *(one.key.security_id for one in found)}))


def stale_findings(connection: psycopg.Connection[Any], gaps: Sequence[LongGap]) -> list[Finding]:
    """The findings of some gaps, in their order."""
    before = _last_bars(connection, gaps)
    return [gap.finding(before[gap.security_id, gap.first]) for gap in gaps]


def _in_market(market: str) -> dict[str, object]:
    return {"market": market, "abroad": list(ABROAD)}


def _last_bars(connection: psycopg.Connection, gaps: Sequence[LongGap]) -> dict[tuple[int, date], date | None]:
    """(security, first session of its gap) → the last stored session before the gap."""
    values = {"security_ids": [gap.security_id for gap in gaps], "before": [gap.first for gap in gaps]}
    rows = connection.execute(statement("quality/alerts_last_bars"), values)
    return {(security_id, first): last for security_id, first, last in rows}
