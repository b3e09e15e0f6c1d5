"""Correlations of past sessions that have none, computed later.

Those of one session belong in `adapters.universes.correlation_store`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.correlation_store import update_correlations
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.operations.maintenance import stretches
from tickstock_dagster.core.universes.correlations import WINDOWS

LONGEST = 252
"""Sessions computed at once: more would need more memory without being faster."""


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """Sessions that had no correlation, the values written for them, and how many events were published."""

    sessions: tuple[date, ...]
    written: int
    published: int


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
