"""Worlds that the real sets do not hold, made from their bars: a crash, small companies, raw prices around splits.

Each takes bars and gives others of the same securities and sessions. The scenarios' tests and whoever tunes thresholds
judge them.
"""

from datetime import date

import numpy as np
import polars as pl

from tickstock_dagster.core.actions.returns import PAYOUT_SCHEMA

PRICES = ("open", "high", "low", "close")
OF = "security_id"
RATIOS = (2.0, 1.5, 3.0, 7.0, 0.1, 0.2)
"""New shares for an old one."""

_VOLUME_POWER = 1.3  # of its ratio to the usual one: more is traded where prices move more
_SMALL_MOVES, _SMALL_VOLUME_POWER, _SMALL_SHARE, _SILENT = 2.5, 2.2, 60, 0.03
_EARLIEST = 130


def good_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """Those whose fields do not contradict one another."""
    opened, high, low, close = map(pl.col, PRICES)
    whole = pl.all_horizontal(pl.col(name) > 0 for name in PRICES) & (pl.col("volume") > 0)
    return bars.filter(whole & (high >= pl.max_horizontal(opened, close)) & (low <= pl.min_horizontal(opened, close)))


def crash(bars: pl.DataFrame, first: date, last: date, times: float) -> pl.DataFrame:
    """Every move, gap and range of some sessions so many times as large, as logarithms, and more volume with them."""
    inside = pl.col("session").is_between(first, last)
    usual = pl.col("volume").shift().rolling_median(20).over(OF)
    raised = usual * (pl.col("volume") / usual).pow(_VOLUME_POWER)
    return _again(bars, pl.when(inside).then(times).otherwise(1.0)).with_columns(
        volume=pl.when(inside).then(raised).otherwise("volume").fill_null(pl.col("volume"))
    )


def small_companies(bars: pl.DataFrame, seed: int = 3) -> pl.DataFrame:
    """Prices of a few dollars in whole cents, larger moves, lumpier volumes, some sessions without a trade."""
    random = np.random.default_rng(seed)
    usual = pl.col("volume").median().over(OF)
    small = _again(bars, pl.lit(_SMALL_MOVES), start=3.0, drift=-0.0015, bounds=(-1.5, 2.5)).with_columns(
        volume=(usual / _SMALL_SHARE * (pl.col("volume").clip(1) / usual).pow(_SMALL_VOLUME_POWER)).round(),
        silent=pl.Series(random.random(bars.height) < _SILENT),
    )
    small = small.with_columns(pl.col(name).round(2).clip(0.01) for name in PRICES)
    last_close = pl.col("close").shift().over(OF).fill_null(pl.col("close"))
    return small.with_columns(
        *(pl.when("silent").then(last_close).otherwise(name).alias(name) for name in PRICES),
        volume=pl.when("silent").then(0.0).otherwise("volume"),
    ).drop("silent")


def with_splits(bars: pl.DataFrame, seed: int = 5) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars as they were printed, had each security split its shares once; and the splits, as `PAYOUT_SCHEMA`."""
    random = np.random.default_rng(seed)
    counts = bars.group_by(OF, maintain_order=True).len().filter(pl.col("len") > _EARLIEST + 10)
    drawn = counts.select(
        OF,
        place=pl.Series(random.integers(_EARLIEST, counts["len"].to_numpy() - 5)),
        shares=pl.Series(random.choice(RATIOS, counts.height)),
    )
    numbered = bars.with_columns(number=pl.int_range(pl.len()).over(OF)).join(
        drawn, on=OF, how="left", maintain_order="left"
    )
    before = (pl.col("number") < pl.col("place")).fill_null(value=False)
    printed = numbered.with_columns(
        *(pl.when(before).then(pl.col(name) * pl.col("shares")).otherwise(name).alias(name) for name in PRICES),
        volume=pl.when(before).then(pl.col("volume") / pl.col("shares")).otherwise("volume"),
    )
    told = numbered.filter(pl.col("number") == pl.col("place")).select(
        OF, ex_date="session", split_ratio=1 / pl.col("shares"), cash=None, close_before=None
    )
    return printed.select(bars.columns), told.select(pl.col(name).cast(kind) for name, kind in PAYOUT_SCHEMA.items())


def _again(
    bars: pl.DataFrame,
    times: pl.Expr,
    *,
    start: float | None = None,
    drift: float = 0.0,
    bounds: tuple[float, float] = (-50.0, 50.0),
) -> pl.DataFrame:
    """Prices built up again from their moves, each so many times as large.

    Args:
        bars: by security and session.
        times: of each bar's logarithms against the close before.
        start: price of the first close; None: what it was.
        drift: added to every session's move.
        bounds: of the level, as the logarithm of the close before against the first.
    """
    before = pl.col("close").shift().over(OF)
    grown = bars.with_columns(
        (times * (pl.col(name) / before).log()).fill_null(0.0).alias(f"_{name}") for name in PRICES
    )
    level = (pl.col("_close") + drift).cum_sum().shift().over(OF).fill_null(0.0).clip(*bounds)
    first = pl.col("close").first().over(OF) if start is None else pl.lit(start)
    return grown.with_columns((first * (level + pl.col(f"_{name}")).exp()).alias(name) for name in PRICES).select(
        bars.columns
    )
