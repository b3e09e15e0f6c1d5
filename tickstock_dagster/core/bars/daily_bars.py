"""Daily bars: their columns and the invariants that a stored row satisfies.

A bar is raw (as printed, never adjusted). `session` is the exchange's trading date, a date and not an instant. A row
that breaks a rule is quarantined, with one readable reason per broken rule. Which bars are expected, and why one is
absent, belongs in `core.loading.coverage`.
"""

from dataclasses import dataclass

import polars as pl

BAR_SCHEMA: dict[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "session": pl.Date,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
    "vwap": pl.Float64,
    "transactions": pl.Int64,
}
"""Columns of a vendor's daily bars: raw prices in US dollars per share; volume in shares, which vendors may report
with a fraction. `vwap` and `transactions` may be null; a null elsewhere is a defect of the row."""

ODD = "odd"
"""A further column (text) of an answer with rows that could not be read as sent: what is odd about the row, null where
nothing is. The odd values themselves are null, and a ticker that is none stands escaped."""

PRICE_COLUMNS = ("open", "high", "low", "close")

_CELL = pl.struct("ticker", "session")

MAX_PRICE = 10_000_000.0
"""US dollars. Above any share price ever printed (Berkshire A was below 1,000,000 in 2026)."""

MIN_PRICE = 0.000001
"""US dollars. Prices are stored with six decimals, so a smaller one would be stored as 0."""

MAX_VOLUME = 1e15
"""Shares. Far above the volume of all markets together in any session."""

VOLUME_DECIMALS = 6
"""Decimals of a printed volume; the tapes print no more of a share."""


@dataclass(frozen=True, slots=True)
class ValidatedBars:
    """Rows split by whether they satisfy the invariants.

    Attributes:
        good: `BAR_SCHEMA`, unique by (ticker, session); volume in whole shares, rounded half to even, but never to 0
            where a part of a share traded. And `volume_printed`: the volume as printed, with `VOLUME_DECIMALS`; null
            where it is a whole number.
        rejected: `BAR_SCHEMA` plus `reason` (text, rules joined by "; ", what is odd about the row first).
    """

    good: pl.DataFrame
    rejected: pl.DataFrame


def _rules() -> list[tuple[pl.Expr, str]]:
    price_missing = pl.any_horizontal(pl.col(name).is_null() for name in PRICE_COLUMNS)
    out_of_bounds = pl.any_horizontal((pl.col(name) < MIN_PRICE) | (pl.col(name) > MAX_PRICE) for name in PRICE_COLUMNS)
    return [
        (pl.col("session").is_null(), "session is missing"),
        (price_missing, "a price is missing"),
        (out_of_bounds, f"a price is not in [{MIN_PRICE:.6f}, {MAX_PRICE:.0f}]"),
        (pl.col("high") < pl.col("low"), "high is below low"),
        ((pl.col("open") > pl.col("high")) | (pl.col("open") < pl.col("low")), "open is outside [low, high]"),
        ((pl.col("close") > pl.col("high")) | (pl.col("close") < pl.col("low")), "close is outside [low, high]"),
        (pl.col("volume").is_null(), "volume is missing"),
        (pl.col("volume") < 0, "volume is negative"),
        (pl.col("volume") > MAX_VOLUME, f"volume is above {MAX_VOLUME:.0f}"),
        ((pl.col("vwap") < MIN_PRICE) | (pl.col("vwap") > MAX_PRICE), "vwap is no price"),
        (pl.col("transactions") < 0, "transactions is negative"),
    ]


def validate_bars(bars: pl.DataFrame) -> ValidatedBars:
    """Split rows into good and rejected.

    Identical repeats of a row count once. Two different rows for one (ticker, session) are both rejected, since nothing
    here can decide between them.

    Args:
        bars: rows of `BAR_SCHEMA` in any order; may hold nulls, NaN (which means null) and repeats. Further columns
            pass through and are ignored when rows are compared.
    """
    bars = bars.with_columns(pl.col(name).fill_nan(None) for name in (*PRICE_COLUMNS, "volume", "vwap"))
    if ODD not in bars.columns:
        bars = bars.with_columns(pl.lit(None, dtype=pl.String).alias(ODD))
    rows, contradicting = bars, pl.lit(value=False)
    if _may_repeat(bars) and bars.select(_CELL.is_duplicated().any()).item():
        # Further columns (such as the call it came with) do not make a repeat a different row.
        rows = bars.unique(subset=[*BAR_SCHEMA, ODD], keep="first", maintain_order=True)
        # What cannot be read contradicts nothing.
        contradicting = pl.col(ODD).is_null() & ((_CELL.count().over(_CELL, pl.col(ODD).is_null())) > 1)
    rules = [*_rules(), (contradicting, "two different rows for one session")]
    broken = pl.any_horizontal(pl.col(ODD).is_not_null(), *(broken for broken, _ in rules))
    rows = rows.with_columns(broken=broken.fill_null(value=False))
    words = [pl.col(ODD), *(pl.when(broken).then(pl.lit(text)) for broken, text in rules)]
    rejected = rows.filter("broken").drop("broken")
    good = rows.filter(~pl.col("broken")).drop("broken", ODD)
    return ValidatedBars(
        good=_with_whole_shares(good),
        rejected=rejected.with_columns(reason=pl.concat_str(words, separator="; ", ignore_nulls=True)).drop(ODD),
    )


def _may_repeat(bars: pl.DataFrame) -> bool:
    """Whether a cell may have two rows: not where every ticker has one stretch of rows with ascending sessions."""
    same = pl.col("ticker") == pl.col("ticker").shift()
    ascends = ~same | (pl.col("session") > pl.col("session").shift())
    order, stretches, tickers = bars.select(
        ascends.fill_null(value=False).slice(1).all(),
        pl.col("ticker").rle_id().max().alias("stretches") + 1,
        pl.col("ticker").n_unique().alias("tickers"),
    ).row(0)
    return not (order and stretches == tickers)


def _with_whole_shares(bars: pl.DataFrame) -> pl.DataFrame:
    """Good bars with volumes in whole shares, and `volume_printed` where another number was printed."""
    # Fractions of shares are printed since 2026: what traded at all is never stored as nothing.
    whole = pl.col("volume").round(mode="half_to_even")
    whole = pl.when(pl.col("volume") > 0).then(whole.clip(lower_bound=1)).otherwise(whole)
    printed = pl.col("volume").round(VOLUME_DECIMALS).clip(lower_bound=10.0**-VOLUME_DECIMALS)
    parts = (pl.col("volume") > 0) & (pl.col("volume") != whole) & (printed != whole)
    return bars.with_columns(whole, volume_printed=pl.when(parts).then(printed))
