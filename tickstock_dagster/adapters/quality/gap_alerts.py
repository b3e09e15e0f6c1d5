"""Gaps of more than one session in the store, and one event for each; `core.quality.gap_alerts` finds them.

An alert matches the committed gaps: a transaction in which no bar can be stored writes it.
"""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.loading.coverage import PLAN_HISTORY
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import SPAN_SCHEMA
from tickstock_dagster.core.quality.gap_alerts import OPEN_GAP_SCHEMA, LongGap, long_gaps


def read_long_gaps(
    engine: sa.Engine, calendar: SessionCalendar, *, tracked: Expectation | None = None
) -> list[LongGap]:
    """Gaps of more than one session of tracked securities, the newest first.

    `tracked` is `Expectation.of_tracked`, where the caller has it already.
    """
    spans = _spans(tracked or Expectation.of_tracked(engine))
    with transaction(engine) as connection:
        return _long_gaps(connection, spans, calendar)


def publish_long_gaps(engine: sa.Engine, calendar: SessionCalendar, *, market: str, run_id: str, now: datetime) -> int:
    """Publish one alert for each gap of more than one session that has none yet.

    Args:
        engine: the store's.
        calendar: with its overrides applied.
        market: MIC of the calendar.
        run_id: the Dagster run, or cli.
        now: aware.

    Returns:
        The number of new alerts.
    """
    spans = _spans(Expectation.of_tracked(engine))
    with transaction(engine) as connection:
        lock(connection, Lock.BARS)
        found = _long_gaps(connection, spans, calendar)
        before = _last_bars(connection, found)
        events = [
            gap.event(market=market, last_session=before[gap.security_id, gap.first], now=now, run_id=run_id)
            for gap in found
        ]
        return write_events(connection, events)


def _spans(tracked: Expectation) -> pl.DataFrame:
    assert tracked.spans is not None  # noqa: S101  # an expectation of universes has them
    return tracked.spans


def _long_gaps(connection: psycopg.Connection, spans: pl.DataFrame, calendar: SessionCalendar) -> list[LongGap]:
    values = {**{name: spans[name].to_list() for name in SPAN_SCHEMA}, "plan": PLAN_HISTORY}
    rows = connection.execute(statement("quality/alerts_open_gaps"), values).fetchall()
    gaps = pl.DataFrame(rows, schema=OPEN_GAP_SCHEMA, orient="row")
    if gaps.is_empty():
        return []
    days = gaps["session"]
    return long_gaps(gaps, calendar.sessions(days.min(), days.max()))  # type: ignore[arg-type]  # dates, as the schema says


def _last_bars(connection: psycopg.Connection, gaps: Sequence[LongGap]) -> dict[tuple[int, date], date | None]:
    """(security, first session of its gap) → the last stored session before the gap."""
    values = {"security_ids": [gap.security_id for gap in gaps], "before": [gap.first for gap in gaps]}
    rows = connection.execute(statement("quality/alerts_last_bars"), values)
    return {(security_id, first): last for security_id, first, last in rows}
