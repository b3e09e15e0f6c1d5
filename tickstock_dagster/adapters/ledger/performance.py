"""Measuring how each type of security was processed on a day, and keeping it.

When a type begins to miss its targets there is an event, and one when it keeps them again. What is measured, and how a
call for a whole session is shared out, says `core.loading.performance`.
"""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET_TIMEZONE
from tickstock_dagster.core.events.envelope import EquityPerformance, Event
from tickstock_dagster.core.loading.performance import TypePerformance, day_span

MOST_SHARED = 25
"""So many calls for whole sessions are shared out for a day at most: each means reading its session."""

_ZONE = ZoneInfo(MARKET_TIMEZONE)


def measure_performance(engine: sa.Engine, day: date) -> tuple[TypePerformance, ...]:
    """Each type of which something ended on a day (in New York), by its code; changes nothing.

    Args:
        engine: the store's.
        day: today's figures are those so far.
    """
    with transaction(engine) as connection:
        return _measure(connection, day)


def processing_day(now: datetime) -> date:
    """The day in New York at `now` (aware)."""
    return now.astimezone(_ZONE).date()


def record_performance(engine: sa.Engine, *, now: datetime) -> tuple[TypePerformance, ...]:
    """Measure yesterday and today, and keep it; publish which types begin to miss their targets, or keep them again.

    The same again writes nothing and publishes nothing: a type's state is what was kept last.

    Args:
        engine: the store's.
        now: aware.

    Returns:
        Today's figures.
    """
    today = processing_day(now)
    measured: tuple[TypePerformance, ...] = ()
    with transaction(engine) as connection:
        lock(connection, Lock.PROCESSING_PERFORMANCE)
        rows = connection.execute(statement("ledger/performance_states")).fetchall()
        before = {code: (last, breached) for code, last, breached in rows}
        for day in (today - timedelta(days=1), today):
            measured = _measure(connection, day)
            for one in measured:
                values = {**asdict(one), "breached": one.breached, "now": now}
                connection.execute(statement("ledger/performance_write"), values)
                last, was_breached = before.get(one.equity_type, (day, False))
                if day >= last and one.breached != was_breached:  # what a later day has overtaken tells nothing new
                    write_events(connection, [_event(one, now)])
                if day >= last:
                    before[one.equity_type] = (day, one.breached)
    return measured


def newest_end(engine: sa.Engine) -> datetime | None:
    """When a work unit ended last, aware; None where none ever did: what was measured since is up to date."""
    with transaction(engine) as connection:
        row = connection.execute(statement("ledger/performance_newest_end")).fetchone()
    return row[0] if row else None


def _measure(connection: psycopg.Connection[Any], day: date) -> tuple[TypePerformance, ...]:
    since, until = day_span(day, _ZONE)
    values = {"since": since, "until": until, "most_shared": MOST_SHARED, "abroad": list(ABROAD)}
    rows = connection.execute(statement("ledger/performance_measure"), values).fetchall()
    return tuple(TypePerformance(day, *row) for row in rows)


def _event(one: TypePerformance, now: datetime) -> Event:
    data = EquityPerformance(
        equity_type=one.equity_type,
        state="breached" if one.breached else "kept",
        day=one.day,
        symbols=one.symbols,
        measured_ms=one.judged_ms,
        target_ms=one.target_ms,
        success_rate=one.success_rate,
        target_success_rate=one.target_success_rate,
    )
    return Event.of(data, time=now, dedupe_key=f"{data.state}/{now.isoformat()}")
