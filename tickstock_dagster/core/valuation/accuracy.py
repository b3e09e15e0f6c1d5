"""Measures the error of `core.valuation.fair_value` by hiding real closes and comparing the estimates with them.

The baseline is the last close carried forward: the difference is what the estimate adds. Errors are absolute values,
relative to the hidden close. Reading bars belongs elsewhere.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from tickstock_dagster.core.actions.returns import CLOSE_SCHEMA
from tickstock_dagster.core.valuation.fair_value import LOOKBACK, Floats, Step, references_of, step_since_print

BUCKETS = ("thin", "middle", "liquid")
"""Thirds of the symbols by their median dollar volume a session."""

SILENCES = (1, 2, 5)
"""Numbers of consecutive hidden sessions; the last one is valued."""

QUANTILES = {"median": 0.5, "p90": 0.9, "p99": 0.99}

PRINT_SCHEMA: dict[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "session": pl.Date,
    "close": pl.Float64,
    "volume": pl.Int64,
}
"""Closes adjusted for splits and dividends, and volumes in shares, unique by ticker and session."""

ERROR_SCHEMA: dict[str, type[pl.DataType]] = {
    "bucket": pl.String,
    "ticker": pl.String,
    "session": pl.Date,
    "silence": pl.Int64,
    "by_reference": pl.Boolean,
    "estimate": pl.Float64,
    "last_close": pl.Float64,
}
"""One hidden close: `estimate` and `last_close` are errors, fractions of the hidden close."""


def hide_and_value(
    prints: pl.DataFrame,
    references: Mapping[str, str],
    *,
    silences: Sequence[int] = SILENCES,
    every: int = 5,
    least_before: int = 150,
) -> pl.DataFrame:
    """Hide closes and estimate them from earlier prints.

    For each symbol, each length of silence and one session in `every`: hides the symbol's closes of that session and of
    the sessions before it in the silence, but not those of the reference.

    Args:
        prints: `PRINT_SCHEMA`.
        references: reference by ticker; SPY is that of tickers without one.
        silences: sessions hidden in a row, ascending, each at least 1.
        every: interval between valued sessions, in sessions.
        least_before: sessions at the beginning that serve as history only.

    Returns:
        `ERROR_SCHEMA`, without symbols whose references are not among the prints.
    """
    sessions = prints["session"].unique().sort().to_list()
    levels = _levels(prints, sessions)
    found = []
    buckets = liquidity_buckets(prints)
    for ticker, own in levels.items():
        names = [name for name in references_of(references.get(ticker), None, ticker) if name in levels]
        for place in range(least_before, len(sessions), every) if names else ():
            for silence in silences:
                last = place - silence
                if np.isnan(own[place]) or np.isnan(own[last]):
                    continue
                step = _step(own, [levels[name] for name in names], place, last)
                carried = own[last] / own[place]
                found.append(
                    (
                        buckets[ticker], ticker, sessions[place], silence, step is not None,
                        abs(carried * (step.growth if step else 1.0) - 1), abs(carried - 1),
                    )
                )  # fmt: skip
    return pl.DataFrame(found, schema=ERROR_SCHEMA, orient="row")


def error_table(errors: pl.DataFrame) -> pl.DataFrame:
    """Quantiles of the errors by bucket and silence, in basis points (0.01 %) of the hidden close.

    Args:
        errors: `ERROR_SCHEMA`.

    Returns:
        bucket, silence, symbols, values, `estimate_<quantile>` and `last_close_<quantile>` for each of `QUANTILES`,
        and `worse`: the share of values, 0 to 1, for which the last close was nearer.
    """
    order = pl.Enum(BUCKETS)
    quantiles = [
        (pl.col(column).quantile(share, "linear") * 1e4).alias(f"{column}_{name}")
        for column in ("estimate", "last_close")
        for name, share in QUANTILES.items()
    ]
    return (
        errors.with_columns(pl.col("bucket").cast(order))
        .group_by("bucket", "silence")
        .agg(
            pl.col("ticker").n_unique().alias("symbols"),
            pl.len().alias("values"),
            *quantiles,
            (pl.col("estimate") > pl.col("last_close")).mean().alias("worse"),
        )
        .sort("bucket", "silence")
    )


def liquidity_buckets(prints: pl.DataFrame) -> dict[str, str]:
    """The bucket of every ticker: thirds by the median of close × volume over its sessions."""
    medians = (
        prints.group_by("ticker")
        .agg((pl.col("close") * pl.col("volume")).median().alias("dollars"))
        .sort("dollars", "ticker")
    )
    return {ticker: BUCKETS[place * len(BUCKETS) // medians.height] for place, ticker in enumerate(medians["ticker"])}


def _step(own: Floats, references: Sequence[Floats], place: int, last: int) -> Step | None:
    start = max(0, place - LOOKBACK)
    steps = (step_since_print(own[start:], theirs[start:], place - start, last - start) for theirs in references)
    return next((step for step in steps if step is not None), None)


def _levels(prints: pl.DataFrame, sessions: Sequence[date]) -> dict[str, Floats]:
    places = pl.DataFrame({"session": sessions}, schema={"session": CLOSE_SCHEMA["session"]}).with_row_index("place")
    levels = {}
    for (ticker,), rows in prints.join(places, on="session").partition_by("ticker", as_dict=True).items():
        level = np.full(len(sessions), np.nan)
        level[rows["place"].to_numpy()] = rows["close"].to_numpy()
        levels[str(ticker)] = level
    return dict(sorted(levels.items()))
