"""What a report's pictures show besides its rows: scores by sector, and the bars of the worst symbols."""

from collections.abc import Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.panel import read_bars
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

SHOWN_SESSIONS = 60
"""Sessions of bars that a picture shows."""


def scores_by_sector(engine: sa.Engine, session: date) -> pl.DataFrame:
    """(sector, symbols, price, volume, freshness, overall): mean scores of a reported session, the lowest first."""
    return read_frame(engine, statement("quality/scores_by_sector"), (session,))


def bars_until(
    engine: sa.Engine, calendar: SessionCalendar, security_ids: Sequence[int], session: date
) -> pl.DataFrame:
    """The bars of some securities on a session and the `SHOWN_SESSIONS` before it: `PANEL_SCHEMA`."""
    return read_bars(engine, security_ids, [*calendar.sessions_before(session, SHOWN_SESSIONS), session])
