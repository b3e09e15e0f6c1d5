"""Reconciling a session of a market whose source is a file: what the file says of it now.

The same content says the same: its bars become final without being read again. Another content is read: bars that it
has otherwise are restated, also final ones, since a file is corrected whenever its owner corrects it. A file without a
row of the session says nothing about it. A vendor's sessions belong in `adapters.bars.reconcile`.
"""

from dataclasses import replace
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.bars.reconcile import ReconcileReport, pending_reconciles, reconcile_session
from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.core.bars.reconcile import PendingReconcile, reconcile_at
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

_PRICES = ("open", "high", "low", "close")
_EQUAL = 1e-6
"""Prices and volumes are stored with six decimals: what differs by less was rounded."""


def pending_with_file(
    engine: sa.Engine, calendar: SessionCalendar, source: FileSource, first: date, last: date
) -> dict[date, PendingReconcile]:
    """The tracked sessions between two that wait for a reconcile and of which the file has rows.

    Args:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        source: the market's file.
        first: first session.
        last: last session.

    Raises:
        BadInputError: the file cannot be read.
        ServiceUnavailableError: the database cannot be reached.
    """
    if not tracked_tickers(engine, market=calendar.key):
        return {}
    revised = revised_bars(engine, calendar, source, first, last)
    pending = pending_reconciles(engine, calendar, first, last)
    nothing = PendingReconcile(0, 0)
    return {
        session: replace(pending.get(session, nothing), revised=revised.get(session, 0))
        for session in sorted(pending.keys() | revised.keys())
        if session in source.sessions
    }


def revised_bars(
    engine: sa.Engine, calendar: SessionCalendar, source: FileSource, first: date, last: date
) -> dict[date, int]:
    """How many stored bars of each session the file has otherwise; sessions without one are left out.

    Args:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        source: the market's file.
        first: first session.
        last: last session.
    """
    span = (first, last, calendar.key, ",".join(ABROAD))
    stored = read_frame(engine, statement("bars/printed_bars"), span)
    if stored.is_empty():
        return {}
    columns = [*_PRICES, "volume"]
    theirs = pl.concat([source.grouped_bars(day) for day in calendar.sessions(first, last)])
    both = stored.cast({"session": pl.Date}).join(
        theirs.select("ticker", "session", *(pl.col(name).alias(f"{name}_now") for name in columns)),
        on=["ticker", "session"],
    )
    differs = pl.any_horizontal((pl.col(name) - pl.col(f"{name}_now")).abs() > _EQUAL for name in columns)
    return dict(both.filter(differs).group_by("session").len().iter_rows())


def reconcile_with_file(loader: BarLoader, session: date) -> ReconcileReport:
    """Compare a session with its market's file: unchanged bars become final, changed ones are restated.

    A second reconcile by the same content reads and changes nothing.

    Args:
        loader: its source is the file.
        session: one of which the file has rows.

    Raises:
        BadInputError: nothing is tracked on the session, or the file cannot be read.
        ServiceUnavailableError: the database cannot be reached.
    """
    context, source = loader.context, loader.context.source
    assert isinstance(source, FileSource)  # noqa: S101  # callers have the market's file
    confirmed = 0
    if context.now() >= reconcile_at(loader.calendar, session):
        values = {"session": session, "source": source.name, "market": context.market, "abroad": list(ABROAD)}
        with transaction(context.engine) as connection, connection.cursor() as cursor:
            lock(cursor, Lock.BARS)
            confirmed = cursor.execute(statement("bars/finalise"), values).rowcount
    revised = revised_bars(context.engine, loader.calendar, source, session, session)
    report = reconcile_session(loader, session, reread=bool(revised))
    return replace(report, finalised=report.finalised + confirmed)
