"""What closes should have been by what their securities are compared with: the estimate for sessions without a print.

A close near it moved with its reference, however far that is: over a holiday, after days without a print, in a crash.
"""

import polars as pl

from tickstock_dagster.core.judging.panel import Panel
from tickstock_dagster.core.valuation.fair_value import (
    MARKET_FUND,
    SECTOR_FUNDS,
    UNPRINTED_SCHEMA,
    Method,
    estimate_fair_values,
)


def with_fair_values(rows: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Some judged bars with `fair_value`, in prices of their session, and `compared_with`; null without a reference.

    Args:
        rows: few, with their facts.
        panel: their bars and those of their references.
    """
    empty = {"fair_value": pl.Float64, "compared_with": pl.String}
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in empty.items())
    tickers = dict(panel.bars.group_by("security_id").agg(pl.col("ticker").last()).iter_rows())
    wanted = rows.select(
        "security_id",
        "session",
        "ticker",
        pl.col("reference")
        .replace_strict(tickers, default=None, return_dtype=pl.String)
        .alias("correlation_reference"),
        "sector",
    ).cast(pl.Schema(UNPRINTED_SCHEMA))
    funds = [*wanted["correlation_reference"].drop_nulls().unique(), *SECTOR_FUNDS.values(), MARKET_FUND]
    needed = pl.col("security_id").is_in(rows["security_id"].unique().implode()) | pl.col("ticker").is_in(funds)
    closes = panel.bars.filter(needed & pl.col("session").is_in(list(panel.sessions)) & pl.col("close").is_not_null())
    held = closes.select("security_id", "session", "ticker", "close")
    of_held = panel.payouts.join(held.select("security_id").unique(), on="security_id", how="semi")
    values = estimate_fair_values(wanted, held, of_held, panel.sessions).filter(
        pl.col("method") == str(Method.REFERENCE)
    )
    found = values.select("security_id", "session", fair_value="fmv", compared_with="reference")
    return rows.join(found, on=["security_id", "session"], how="left", maintain_order="left")
