"""Reading the facts by which rules choose members on a session: from stored data alone, in one statement."""

from datetime import date, timedelta

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.universes.facts import FACT_SCHEMA

VOLUME_SESSIONS = 20
CLOSE_SESSIONS = 6
"""The session itself and the 5 before it: an older close says nothing about a security's size on the session."""

_ENOUGH_DAYS = timedelta(days=60)


def read_facts(engine: sa.Engine, session: date) -> pl.DataFrame:
    """Facts about every security that is listed on a session.

    Prices, volumes and shares are those known to the market on the session. Names, classes, AUM and expense ratios are
    those known now: no source states them for a past day.

    Args:
        engine: the store's.
        session: a day of the New York calendar; for a day without trading, the sessions before it count.

    Returns:
        `FACT_SCHEMA`, by security.
    """
    sessions = calendar_in_force(engine, MARKET).sessions(session - _ENOUGH_DAYS, session)[-VOLUME_SESSIONS:]
    values = {"session": session, "sessions": sessions, "recent": sessions[-CLOSE_SESSIONS:][0]}
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/facts_on_session"), values).fetchall()
    return pl.DataFrame(rows, schema=FACT_SCHEMA, orient="row")
