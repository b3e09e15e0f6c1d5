"""Correlations of sessions that were passed over, computed afterwards.

One session's belong in `adapters.universes.correlation_store`.
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
"""Sessions computed at once: more would need more memory, and be no faster."""


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """Sessions that had no correlation, values written for them, and events."""

    sessions: tuple[date, ...]
    written: int
    told: int


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
