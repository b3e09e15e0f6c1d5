"""What the ledger says about looks at corporate actions: what was asked, what failed, and which sessions are owed.

How long an answer is good belongs in `core.actions.evidence`.
"""

from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.actions.evidence import FailedLook, Receipt, owed_sessions
from tickstock_dagster.core.actions.spans import Span
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

OWED_SCHEMA: dict[str, type[pl.DataType]] = {"session": pl.Date, "reason": pl.String}
"""A session whose splits and dividends are owed: `never_asked`, `evidence_expired`, or the last look's error."""


def read_receipts(engine: sa.Engine, market: str, source: str | None = None) -> list[Receipt]:
    """Looks that were answered; a look has asked for splits and dividends of the same days.

    Args:
        engine: the store's.
        market: MIC of the calendar.
        source: name of the source; None: of any that speaks for the whole market, which a file does not.
    """
    with transaction(engine) as connection:
        rows = connection.execute(statement("actions/receipts"), {"market": market, "source": source})
        return [Receipt(Span(first, last), asked_at) for first, last, asked_at in rows]


def reopened_days(engine: sa.Engine, source: str | None = None) -> list[date]:
    """Ex-dates of rows that were not kept for want of a security, and whose security is known by now.

    Args:
        engine: the store's.
        source: name of the source; None: of any.
    """
    with transaction(engine) as connection:
        return [day for (day,) in connection.execute(statement("actions/reopened"), {"source": source})]


def owed_action_sessions(
    engine: sa.Engine, calendar: SessionCalendar, first: date, *, market: str, now: datetime, last: date | None = None
) -> pl.DataFrame:
    """Closed sessions whose splits and dividends were not requested, or not lately enough, as `OWED_SCHEMA`, ascending.

    Args:
        engine: the store's.
        calendar: the market's, with its overrides applied.
        first: day from which on actions are expected.
        market: MIC of the calendar.
        now: aware.
        last: last day looked at; None: the latest closed session.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    latest = calendar.latest_closed_session(now)
    last = latest if last is None else min(last, latest)
    sessions = calendar.sessions(first, last) if first <= last else []
    with transaction(engine) as connection:
        rows = connection.execute(statement("actions/failures"), {"market": market})
        failures = [FailedLook(Span(begin, end), failed_at, error) for begin, end, failed_at, error in rows]
    owed = owed_sessions(
        read_receipts(engine, market), failures, calendar, sessions, now=now, reopened=reopened_days(engine)
    )
    return pl.DataFrame(owed, schema=OWED_SCHEMA, orient="row")
