"""Reading the inputs of correlations; writing the changed values and their events in one transaction.

Past sessions without correlations are computed later, some hundred at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.actions.return_inputs import read_closes, read_payouts
from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.events.envelope import EtfCorrelationUpdate, Event
from tickstock_dagster.core.operations.maintenance import stretches
from tickstock_dagster.core.universes.correlations import (
    CORRELATION_SCHEMA,
    FUND_SCHEMA,
    STEP,
    WINDOWS,
    Published,
    correlate_funds,
    why_none,
    worth_publishing,
)

LONGEST = 252
"""Sessions computed at once: more would need more memory without being faster."""


@dataclass(frozen=True, slots=True)
class CorrelationReport:
    """What one computation did.

    Attributes:
        values: `CORRELATION_SCHEMA`, all computed values.
        funds: `FUND_SCHEMA`, every ETF in the store, with or without bars.
        written: values that are new or differ from the stored ones.
        published: events written.
        why_none: why there is no value at all, in words; None where there is one.
    """

    values: pl.DataFrame
    funds: pl.DataFrame
    written: int
    published: int
    why_none: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """Sessions that had no correlation, the values written for them, and how many events were published."""

    sessions: tuple[date, ...]
    written: int
    published: int


def update_correlations(
    engine: sa.Engine, sessions: Sequence[date], *, first: date, now: datetime
) -> CorrelationReport:
    """Compute the correlations of every ETF from `first` on and store what changed; a second call changes nothing.

    Args:
        engine: the store's.
        sessions: sessions of the calendar, ascending: those to compute, and `max(WINDOWS)` before them.
        first: the first session to compute.
        now: aware.

    Raises:
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    funds = read_funds(engine)
    closes = read_closes(engine, sessions[0], sessions[-1])
    values = correlate_funds(closes, read_payouts(engine, sessions[0], sessions[-1]), funds, sessions, first=first)
    with transaction(engine) as connection:
        written = _write(connection, values, now)
        published = _publish(connection, values, now)
    why = why_none(closes, funds, sessions) if values.is_empty() else None
    return CorrelationReport(values, funds, written, published, why)


def why_without_values(engine: sa.Engine, sessions: Sequence[date]) -> str | None:
    """Why no ETF has a correlation on the last of the sessions; None where one has. Writes nothing.

    Args:
        engine: the store's.
        sessions: sessions of the calendar, ascending: `max(WINDOWS)` and the one in question.
    """
    with transaction(engine) as connection:
        row = connection.execute(statement("universes/correlation_on"), {"session": sessions[-1]}).fetchone()
    if row and row[0]:
        return None
    closes, funds = read_closes(engine, sessions[0], sessions[-1]), read_funds(engine)
    payouts = read_payouts(engine, sessions[0], sessions[-1])
    if not correlate_funds(closes, payouts, funds, sessions, first=sessions[-1]).is_empty():
        return f"the correlations of {sessions[-1]} are not computed yet"
    return why_none(closes, funds, sessions)


def read_funds(engine: sa.Engine) -> pl.DataFrame:
    """Every ETF with its own reference and its class, as `FUND_SCHEMA`."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/correlation_funds")).fetchall()
    return pl.DataFrame(rows, schema=FUND_SCHEMA, orient="row")


def sessions_without_correlations(engine: sa.Engine, market: str, last: date) -> list[date]:
    """Complete sessions up to `last` without any correlation, ascending.

    A store's first sessions are always among them: no whole window precedes them, so they never have a value.
    """
    values = {"market": market, "first": date.min, "last": last}
    with transaction(engine) as connection:
        return [row[0] for row in connection.execute(statement("universes/correlation_missing"), values)]


def refresh_correlation_history(
    engine: sa.Engine,
    calendar: SessionCalendar,
    market: str,
    now: datetime,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> HistoryReport:
    """Compute the correlations of the complete sessions that have none; a second call writes nothing.

    Args:
        engine: the store's.
        calendar: with its overrides applied.
        market: MIC of the calendar.
        now: aware.
        progress: called with how many of those sessions are done, and how many there are.

    Raises:
        ServiceUnavailableError: the database cannot be reached; what was written before that stays.
    """
    missing = sessions_without_correlations(engine, market, calendar.latest_closed_session(now))
    missing = [session for session in missing if calendar.is_session(session)]
    written = published = done = 0
    for stretch in stretches(calendar, missing, LONGEST):
        lead = calendar.sessions_before(stretch[0], max(WINDOWS))
        report = update_correlations(engine, [*lead, *stretch], first=stretch[0], now=now)
        written, published, done = written + report.written, published + report.published, done + len(stretch)
        progress(done, len(missing))
    return HistoryReport(tuple(missing), written, published)


def _write(connection: psycopg.Connection, values: pl.DataFrame, now: datetime) -> int:
    with connection.cursor() as cursor:
        lock(cursor, Lock.CORRELATIONS)
        cursor.execute(statement("universes/correlation_stage"))
        copy_frame(cursor, "stage_correlations", values.select(list(CORRELATION_SCHEMA)))
        # Never prepared: a plan for one size of the staging table is a bad plan for another size.
        cursor.execute(statement("universes/correlation_write"), {"now": now}, prepare=False)
        return cursor.rowcount


def _publish(connection: psycopg.Connection, values: pl.DataFrame, now: datetime) -> int:
    published = {
        (row[0], row[1], row[2]): Published(row[3], row[4])
        for row in connection.execute(statement("universes/correlation_published"))
    }
    news = worth_publishing(values, published)
    with connection.cursor() as cursor:
        cursor.executemany(statement("universes/correlation_publish"), [{**row, "now": now} for row, _ in news])
    events = []
    for row, previous in news:
        data = EtfCorrelationUpdate(
            symbol=row["ticker"],
            reference=row["reference"],
            session=row["session"],
            sessions=row["sessions"],
            correlation=row["correlation"],
            previous=previous,
            step=STEP,
        )
        events.append(Event.of(data, time=now, dedupe_key=f"{data.session}/{previous!r}/{data.correlation!r}"))
    return write_events(connection, events)
