"""Which cells good answers have spoken about.

For cells in which a bar is possible and none is expected. What is expected is owed until it is stored or explained,
whatever was asked before.
"""

from datetime import date

import polars as pl

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.protocol import MarketSource


def unanswered(context: LoadContext[MarketSource], cells: pl.DataFrame) -> pl.DataFrame:
    """Those of some cells (`CELL_SCHEMA`) about which no good answer of the source has spoken yet."""
    first, last = cells["session"].min(), cells["session"].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return cells
    values = {
        "market": context.market,
        "source": context.source.name,
        "first": first,
        "last": last,
        "tickers": cells["ticker"].unique().to_list(),
    }
    with transaction(context.engine) as connection:
        rows = connection.execute(statement("loading/units_answered"), values).fetchall()
    units = pl.DataFrame(rows, schema={"ticker": pl.String, "first": pl.Date, "last": pl.Date}, orient="row")
    sessions = units.filter(pl.col("ticker") == "*").select(session="first")
    spans = cells.join(units, on="ticker").filter(pl.col("session").is_between("first", "last"))
    return cells.join(sessions, on="session", how="anti").join(spans, on=["security_id", "session"], how="anti")
