"""What closes and opens should have been by what their securities are compared with.

A close near the estimate for sessions without a print moved with its reference, however far that is: over a holiday,
after days without a print, in a crash. Of the market's own moves a security takes its beta: a fund of three times the
market takes three, an inverse one takes them the other way.
"""

import polars as pl

from tickstock_dagster.core.judging.context import PEERS, SECTOR_PEERS
from tickstock_dagster.core.judging.panel import Panel
from tickstock_dagster.core.valuation.fair_value import (
    MARKET_FUND,
    SECTOR_FUNDS,
    UNPRINTED_SCHEMA,
    Method,
    estimate_fair_values,
)

BETA_SESSIONS, LEAST_BETA_SESSIONS = 60, 20
"""Sessions before a bar that give its beta, and how many it takes at least; with fewer it is 1."""

_LEAST_MARKET, _MOST_BETA = 1e-4, 6.0


def with_market_legs(rows: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Some judged bars with `beta`, and the market's gaps at their opens and at the next bars': logarithms.

    Beta is that of the sixty bars before: the line through the origin with the least sum of absolute distances, which
    one odd row among them does not turn. `market_gap` and `next_market_gap` are medians of the sector, or of the
    market, as `market_move` is; 0 where too few securities tell.

    Args:
        rows: few of the bars, with their `row`.
        bars: with their context; `row` is their place.
    """
    place = rows["row"].cast(pl.Int64)
    days, last = bars["session"], bars.height - 1
    rows = rows.with_columns(next_session=days.gather((place + 1).clip(upper_bound=last)))
    gaps = _market_gaps(bars, pl.concat([rows["session"], rows["next_session"]]).unique())
    for session, name in (("session", "market_gap"), ("next_session", "next_market_gap")):
        of_session = gaps.rename({"session": session, "gap": name})
        rows = rows.join(of_session, on=[session, "sector"], how="left", maintain_order="left", nulls_equal=True)
    return (
        rows.join(_betas(rows, bars), on="row", how="left", maintain_order="left")
        .with_columns(pl.col("beta").fill_null(1.0), pl.col("market_gap", "next_market_gap").fill_null(0.0))
        .drop("next_session")
    )


def _market_gaps(bars: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """(session, sector, gap): medians of liquid securities' gaps on some sessions; of the market, for a null sector."""
    known = bars.filter(pl.col("session").is_in(days.implode()) & pl.col("good") & ~pl.col("thin"))
    market = known.group_by("session").agg(
        market=pl.when(pl.len() >= PEERS).then(pl.col("gap").median()).otherwise(0.0)
    )
    sectors = known.filter(pl.col("sector").is_not_null()).group_by("session", "sector").agg(
        own=pl.when(pl.len() >= SECTOR_PEERS).then(pl.col("gap").median())
    )  # fmt: skip
    sectors = sectors.join(market, on="session").select("session", "sector", gap=pl.coalesce("own", "market"))
    of_all = market.select("session", sector=pl.lit(None, dtype=pl.String), gap="market")
    return pl.concat([of_all, sectors])


def _betas(rows: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """(row, beta) of the rows with enough sessions before them."""
    places = rows.select(
        "row", place=pl.int_ranges(pl.col("row") - pl.col("number").clip(upper_bound=BETA_SESSIONS), pl.col("row"))
    )
    history = places.filter(pl.col("place").list.len() > 0).explode("place")
    history = history.with_columns(
        bars.select("good", "market_move", "move")[history["place"].cast(pl.UInt32)]  # rows lie side by side
    )
    told = history.filter(
        pl.col("good") & pl.col("move").is_finite() & (pl.col("market_move").abs() > _LEAST_MARKET)
    ).select("row", ratio=pl.col("move") / pl.col("market_move"), weight=pl.col("market_move").abs())
    halves = told.sort("row", "ratio").with_columns(
        so_far=pl.col("weight").cum_sum().over("row"),
        whole=pl.col("weight").sum().over("row"),
        sessions=pl.len().over("row"),
    )
    middle = halves.filter((pl.col("so_far") >= pl.col("whole") / 2) & (pl.col("sessions") >= LEAST_BETA_SESSIONS))
    middle = middle.unique("row", keep="first", maintain_order=True)
    return middle.select("row", beta=pl.col("ratio").clip(-_MOST_BETA, _MOST_BETA))


def with_fair_values(rows: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """Some judged bars with `fair_value`, in prices of their session, and `compared_with`; null without a reference.

    Args:
        rows: few, with their facts.
        panel: their bars and those of their references.
    """
    empty = {"fair_value": pl.Float64, "compared_with": pl.String}
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in empty.items())
    references = panel.bars.filter(pl.col("security_id").is_in(rows["reference"].unique().implode()))
    tickers = dict(references.group_by("security_id").agg(pl.col("ticker").last()).iter_rows())
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
    closes = panel.bars.filter(needed & pl.col("close").is_not_null())
    closes = closes.filter(pl.col("session").is_in(list(panel.sessions)))
    if not closes["ticker"].is_in(funds).any():
        return rows.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in empty.items())
    held = closes.select("security_id", "session", "ticker", "close")
    of_held = panel.payouts.join(held.select("security_id").unique(), on="security_id", how="semi")
    values = estimate_fair_values(wanted, held, of_held, panel.sessions).filter(
        pl.col("method") == str(Method.REFERENCE)
    )
    found = values.select("security_id", "session", fair_value="fmv", compared_with="reference")
    return rows.join(found, on=["security_id", "session"], how="left", maintain_order="left")
