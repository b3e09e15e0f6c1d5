"""Bars in the terms of one day: what actions make of the close before a bar, and of the shares of a volume."""

import numpy as np
import polars as pl

from tickstock_dagster.core.actions.returns import action_factor, in_order

RATIOS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 100.0, 1.5)
"""The usual ones, n:1 and 3:2."""

FINE_RATIOS = (5 / 4, 4 / 3, 5 / 3, 5 / 2)
"""Rarer ones, which a fifth of all large moves are near of: they have to be met more exactly."""

FINE_TOLERANCE = 0.008

BASIS_SCHEMA: dict[str, type[pl.DataType]] = {"factor": pl.Float64, "shares": pl.Float64, "action": pl.String}
"""Columns that `with_actions` adds: `factor` turns the close before into what it is worth on the bar's session, in its
shares; `shares` turns a volume of the session into shares of the security's first bar; `action` says in words what took
effect since the bar before, null where nothing did."""


def with_actions(bars: pl.DataFrame, payouts: pl.DataFrame) -> pl.DataFrame:
    """Bars with `BASIS_SCHEMA`; an action takes effect with the first bar on or after its ex-date.

    Args:
        bars: (security_id, session, close, …), by security and session, each once; a close may be null.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`, of any securities and days.
    """
    due = _due(bars, payouts)
    if due.is_empty():
        return bars.with_columns(factor=pl.lit(1.0), shares=pl.lit(1.0), action=pl.lit(None, dtype=pl.String))
    rows = [
        (security, session, *_effect(group["last_close"][0], group))
        for (security, session), group in due.group_by("security_id", "session", maintain_order=True)
    ]
    schema = {
        "security_id": pl.Int64,
        "session": pl.Date,
        "factor": pl.Float64,
        "ratio": pl.Float64,
        "action": pl.String,
    }
    effects = pl.DataFrame(rows, schema=schema, orient="row")
    return (
        bars.join(effects, on=["security_id", "session"], how="left", maintain_order="left")
        .with_columns(
            pl.col("factor").fill_null(1.0),
            shares=pl.col("ratio").fill_null(1.0).cum_prod().over("security_id"),
        )
        .drop("ratio")
    )


def _due(bars: pl.DataFrame, payouts: pl.DataFrame) -> pl.DataFrame:
    """Actions with the bar that they take effect with, and the last good close before it."""
    cells = bars.select(
        "security_id",
        "session",
        last_close=pl.col("close").shift().forward_fill().over("security_id"),
        begins=pl.col("session").first().over("security_id"),
    )
    held = payouts.join(cells.select("security_id").unique(), on="security_id", how="semi")
    placed = (
        in_order(held)
        .sort("ex_date", maintain_order=True)
        .join_asof(
            cells.sort("session"), left_on="ex_date", right_on="session", by="security_id", strategy="forward",
            check_sortedness=False, coalesce=False,
        )
    )  # fmt: skip
    # Actions on or before the first bar are in all of its closes already.
    return in_order(placed.filter(pl.col("session") > pl.col("begins"))).sort(
        "security_id", "session", maintain_order=True
    )


def _effect(close: float | None, actions: pl.DataFrame) -> tuple[float, float, str]:
    """The factor of some actions of one security, their ratio of shares, and their words."""
    columns = actions.select("split_ratio", "cash", "close_before")
    factor = action_factor(float("nan") if close is None else close, columns.iter_rows())
    ratio, words = 1.0, []
    for split_ratio, cash, _ in columns.iter_rows():
        if split_ratio is not None:
            ratio *= split_ratio
            words.append(f"split {1 / split_ratio:g}:1")
        elif cash is not None:
            words.append(f"dividend {cash:g}")
    return factor, ratio, ", ".join(words)


def near_ratio(moves: pl.Series, tolerances: pl.Series) -> pl.Series:
    """The ratio that each move, up or down, is nearest to; null where none is within its tolerance.

    Args:
        moves: logarithms; null where there is none.
        tolerances: of the differences of logarithms.
    """
    sizes = np.abs(moves.cast(pl.Float64).fill_null(np.nan).to_numpy())
    usual, fine = np.array(RATIOS), np.array(FINE_RATIOS)
    off = np.abs(sizes[:, None] - np.log(usual)[None, :])
    off_fine = np.abs(sizes[:, None] - np.log(fine)[None, :])
    near, near_fine = np.fmin(off, 99.0).argmin(axis=1), np.fmin(off_fine, 99.0).argmin(axis=1)
    rows = np.arange(len(sizes))
    found = np.where(off_fine[rows, near_fine] <= FINE_TOLERANCE, fine[near_fine], np.nan)
    found = np.where(off[rows, near] <= tolerances.to_numpy(), usual[near], found)
    return pl.Series("ratio", found).fill_nan(None)


def ratio_words(ratio: pl.Expr) -> pl.Expr:
    """A ratio as people write it: 2:1, 3:2."""
    written = {
        **{value: f"{value:g}:1" for value in RATIOS},
        1.5: "3:2",
        5 / 4: "5:4",
        4 / 3: "4:3",
        5 / 3: "5:3",
        5 / 2: "5:2",
    }
    return ratio.replace_strict(written, default=None, return_dtype=pl.String)
