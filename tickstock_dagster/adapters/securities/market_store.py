"""Securities of markets that have no vendor: registered from their bars."""

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import histories_held
from tickstock_dagster.core.calendars.markets import Market


def register_listings(
    engine: sa.Engine, market: Market, spans: pl.DataFrame, *, now: datetime, ends: Mapping[str, date] | None = None
) -> int:
    """Register securities of a market, each from its first bar on; a second call changes nothing.

    A declared end ends a listing that no later bar has shown; a later bar reopens it.

    Args:
        engine: the store's.
        market: where they are listed.
        spans: (ticker, first, last), tickers qualified with the market.
        now: aware.
        ends: by ticker, the first day after the declared end of its series.

    Returns:
        The number of new securities.

    Raises:
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    values = {
        "tickers": spans["ticker"].to_list(),
        "firsts": spans["first"].to_list(),
        "lasts": spans["last"].to_list(),
        "ends": [(ends or {}).get(ticker) for ticker in spans["ticker"]],
        "mic": market.mic,
        "currency": market.currency,
        "now": now,
    }
    with histories_held(engine), transaction(engine) as connection:
        row = connection.execute(statement("securities/markets_register"), values).fetchone()
    assert row is not None  # noqa: S101  # a count is always one row
    return int(row[0])
