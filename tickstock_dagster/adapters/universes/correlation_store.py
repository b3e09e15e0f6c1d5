"""Reading what correlations are made of, and writing those that changed, with their events, in one transaction.

Sessions that were passed over are computed afterwards, some hundred at once.
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
    worth_publishing,
)

LONGEST = 252
"""Sessions computed at once: more would need more memory, and be no faster."""


@dataclass(frozen=True, slots=True)
class CorrelationReport:
    """What one computation did.

    Attributes:
        values: `CORRELATION_SCHEMA`, all that were computed.
        funds: `FUND_SCHEMA`, the ETFs that the store knows, with bars or without.
        written: values that are new or other than stored.
        told: events written.
    """

    values: pl.DataFrame
    funds: pl.DataFrame
    written: int
    told: int


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """Sessions that had no correlation, values written for them, and events."""

    sessions: tuple[date, ...]
    written: int
    told: int


def update_correlations(
    engine: sa.Engine, sessions: Sequence[date], *, first: date, now: datetime
) -> CorrelationReport:
    """Compute the correlations of every ETF from `first` on and store what changed; twice changes nothing.

    Args:
        engine: the store's.
        sessions: sessions of the calendar, ascending: those asked for, and `max(WINDOWS)` before them.
        first: the first session asked for.
        now: aware.

    Raises:
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    funds = read_funds(engine)
    closes = read_closes(engine, sessions[0], sessions[-1])
    values = correlate_funds(closes, read_payouts(engine, sessions[0], sessions[-1]), funds, sessions, first=first)
    with transaction(engine) as connection:
        written = _write(connection, values, now)
        told = _tell(connection, values, now)
    return CorrelationReport(values, funds, written, told)


def read_funds(engine: sa.Engine) -> pl.DataFrame:
    """Every ETF with its own reference and its class, as `FUND_SCHEMA`."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/correlation_funds")).fetchall()
    return pl.DataFrame(rows, schema=FUND_SCHEMA, orient="row")


def sessions_without_correlations(engine: sa.Engine, market: str, last: date) -> list[date]:
    """Complete sessions up to `last` without a single value, ascending.

    The first ones of a store, which no whole window precedes, are always among them: they have none to be written.
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
    """Compute the correlations of the complete sessions that have none; twice writes nothing.

    Args:
        engine: the store's.
        calendar: overrides applied.
        market: MIC of the calendar.
        now: aware.
        progress: told how many of those sessions are done, and of how many.

    Raises:
        ServiceUnavailableError: the database cannot be reached; the stretches before that stay written.
    """
    missing = sessions_without_correlations(engine, market, calendar.latest_closed_session(now))
    missing = [session for session in missing if calendar.is_session(session)]
    written = told = done = 0
    for stretch in stretches(calendar, missing, LONGEST):
        lead = calendar.sessions_before(stretch[0], max(WINDOWS))
        report = update_correlations(engine, [*lead, *stretch], first=stretch[0], now=now)
        written, told, done = written + report.written, told + report.told, done + len(stretch)
        progress(done, len(missing))
    return HistoryReport(tuple(missing), written, told)


def _write(connection: psycopg.Connection, values: pl.DataFrame, now: datetime) -> int:
    with connection.cursor() as cursor:
        lock(cursor, Lock.CORRELATIONS)
        cursor.execute(statement("universes/correlation_stage"))
        copy_frame(cursor, "stage_correlations", values.select(list(CORRELATION_SCHEMA)))
        # Never prepared: a plan made for one stage is a bad one for a stage of another size.
        cursor.execute(statement("universes/correlation_write"), {"now": now}, prepare=False)
        return cursor.rowcount


def _tell(connection: psycopg.Connection, values: pl.DataFrame, now: datetime) -> int:
    told = {
        (row[0], row[1], row[2]): Published(row[3], row[4])
        for row in connection.execute(statement("universes/correlation_told"))
    }
    news = worth_publishing(values, told)
    with connection.cursor() as cursor:
        cursor.executemany(statement("universes/correlation_tell"), [{**row, "now": now} for row, _ in news])
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
