"""Reconciling a session: asking for it again, and which sessions are due.

The loader asks, validates and stores as always; `core.bars.reconcile` decides when, and for which session.
"""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.bars.load_values import LoadReport, LoadRequest
from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.loading.end_of_day import declare_complete, newest_declared, record_caught_up
from tickstock_dagster.adapters.loading.expectation import universe_tickers_between
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.bars.reconcile import PendingReconcile
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.coverage import GapReason
from tickstock_dagster.core.loading.end_of_day import reaches_objective


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What a reconcile changed.

    Attributes:
        load: the loader's report; `stored.restated` bars changed, each with its former values kept.
        finalised: provisional bars that became final, restated ones included.
        left: bars that stay provisional: the vendor no longer has them, or could not be reached.
        late: gaps that are still late.
    """

    load: LoadReport
    finalised: int
    left: int
    late: int


def pending_reconciles(
    engine: sa.Engine, calendar: SessionCalendar, first: date, last: date
) -> dict[date, PendingReconcile]:
    """The sessions between two that a reconcile is due for or that owe bars, without the number of attempts.

    Args:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        first: first session.
        last: last session.
    """
    values = {"first": first, "last": last, "market": calendar.key, "abroad": list(ABROAD)}
    with transaction(engine) as connection:
        rows = connection.execute(statement("bars/reconcile_due"), values).fetchall()
    owed = owed_cells(engine, calendar, last, first=first).filter(pl.col("reason") == GapReason.NEVER_ASKED.value)
    unasked = dict(owed.group_by("session").len().iter_rows())
    pending = {
        session: PendingReconcile(provisional, late, unasked.pop(session, 0)) for session, provisional, late in rows
    }
    return pending | {session: PendingReconcile(0, 0, count) for session, count in unasked.items()}


def reconcile_session(loader: BarLoader, session: date, *, reread: bool = False) -> ReconcileReport:
    """Ask for everything tracked on a session again. Unchanged bars become final, changed ones are restated.

    Final, unchanged bars are not touched. A new bar closes its gap; absences that were late or no_trade are evaluated
    again. A session that is complete only now is published, unless a later one was before. A second reconcile changes
    nothing.

    Args:
        loader: of the market.
        session: a closed one.
        reread: also ask for final bars.

    Raises:
        BadInputError: nothing is tracked on the session.
        VendorError: further calls are pointless; earlier answers stay stored.
        ServiceUnavailableError: the database cannot be reached.
    """
    tickers = universe_tickers_between(loader.context.engine, None, session, session, market=loader.context.market)
    if not tickers:
        raise BadInputError("session", session, "a session with tracked securities")
    started_at, nothing = loader.context.now(), PendingReconcile(0, 0)
    before = pending_reconciles(loader.context.engine, loader.calendar, session, session).get(session, nothing)
    request = LoadRequest(tickers, (session,), universes=(), owed=True, ask_again=True, refresh=True, reread=reread)
    report = loader.load(request)
    _declare(loader, report, started_at)
    after = pending_reconciles(loader.context.engine, loader.calendar, session, session).get(session, nothing)
    finalised = max(0, before.provisional - after.provisional)
    return ReconcileReport(report, finalised, after.provisional, after.late)


def _declare(loader: BarLoader, report: LoadReport, started_at: datetime) -> None:
    """Publish that a session has reached its objective, unless that was published before, of it or of a later one."""
    context = loader.context
    declared = newest_declared(context.engine, context.market)
    for state in report.states:
        if not reaches_objective(state):
            continue
        if declared and declared > state.session:
            record_caught_up(
                context.engine,
                [state],
                market=context.market,
                source=context.source.name,
                run_id=context.run_id,
                started_at=started_at,
                now=context.now(),
            )
        else:
            declare_complete(
                context.engine,
                state,
                report.gaps,
                market=context.market,
                source=context.source.name,
                run_id=context.run_id,
                started_at=started_at,
                now=context.now(),
            )
