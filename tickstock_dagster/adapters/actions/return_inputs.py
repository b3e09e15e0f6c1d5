"""Reading the inputs of returns: raw closes of ETFs and their references, splits and dividends."""

from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.actions.returns import CLOSE_SCHEMA, PAYOUT_SCHEMA
from tickstock_dagster.core.universes.correlations import REFERENCES


def read_closes(engine: sa.Engine, first: date, last: date) -> pl.DataFrame:
    """Raw closes of the ETFs and of their references between two sessions, as `CLOSE_SCHEMA`."""
    frame = read_frame(engine, statement("universes/correlation_closes"), (first, last, ",".join(REFERENCES)))
    return frame.cast(pl.Schema(CLOSE_SCHEMA))


def read_payouts(engine: sa.Engine, first: date, last: date) -> pl.DataFrame:
    """Splits and dividends with an ex-date between two days, as known now, as `PAYOUT_SCHEMA`."""
    return read_frame(engine, statement("actions/payouts"), (first, last)).cast(pl.Schema(PAYOUT_SCHEMA))
