"""Reading the inputs of correlations; writing the changed values and their events in one transaction."""

from collections.abc import Sequence
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
from tickstock_dagster.core.events.envelope import EtfCorrelationUpdate, Event
from tickstock_dagster.core.universes.correlations import (
    CORRELATION_SCHEMA,
    FUND_SCHEMA,
    STEP,
    Published,
    correlate_funds,
    worth_publishing,
)


@dataclass(frozen=True, slots=True)
class CorrelationReport:
    """What one computation did.

    Attributes:
        values: `CORRELATION_SCHEMA`, all computed values.
        funds: `FUND_SCHEMA`, every ETF in the store, with or without bars.
        written: values that are new or differ from the stored ones.
        published: events written.
    """

    values: pl.DataFrame
    funds: pl.DataFrame
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
    return CorrelationReport(values, funds, written, published)


def read_funds(engine: sa.Engine) -> pl.DataFrame:
    """Every ETF with its own reference and its class, as `FUND_SCHEMA`."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/correlation_funds")).fetchall()
    return pl.DataFrame(rows, schema=FUND_SCHEMA, orient="row")


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
