"""The rule about bars of which sources disagree, by what of them is comparable.

Of raw consolidated bars all is compared. Adjusted ones are compared by their shape: what is left after the usual ratio
of the two sources' closes, which a split or dividend inside the span moves once. Of a single venue's bars the prices at
which the whole market traded as well are compared: its highs and lows lie inside the consolidated ones, its volume is
a part. Whichever is right, every candidate is kept as it came, and none is averaged.
"""

from collections.abc import Sequence

import polars as pl

from tickstock_dagster.core.judging.findings import FINDING_SCHEMA, Severity, Verdict
from tickstock_dagster.core.judging.found import choose
from tickstock_dagster.core.judging.thresholds import Limits

CANDIDATE_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "source": pl.String,
    "adjusted": pl.Boolean,
    "venue": pl.String,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
}
"""A source's bar: `adjusted` for splits or more; `venue` a MIC, null for a consolidated bar."""

PRICES = ("open", "high", "low", "close")

SHAPE_SESSIONS = 11
"""Bars around one whose median ratio of closes is the usual one of an adjusted source."""


def sources_differ(stored: pl.DataFrame, candidates: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Where a candidate differs from the stored bar by more than what is comparable may, as `FINDING_SCHEMA`.

    Args:
        stored: `CANDIDATE_SCHEMA` of the stored bars.
        candidates: the same of other sources, of any bars; several of one bar are compared each.
        limits: thresholds; rows have an `equity_type`, or the defaults hold.

    Returns:
        One row for each bar that differs, of the candidate that differs most.
    """
    other = {name: f"other_{name}" for name in (*PRICES, "volume", "adjusted", "venue", "source")}
    pairs = stored.join(candidates.rename(other).drop("ticker"), on=["security_id", "session"])
    if "equity_type" not in pairs.columns:
        pairs = pairs.with_columns(equity_type=pl.lit(None, dtype=pl.String))
    if pairs.is_empty():
        return pl.DataFrame(schema=FINDING_SCHEMA)
    shaped = pl.col("adjusted") != pl.col("other_adjusted")
    ratio = (pl.col("close") / pl.col("other_close")).rolling_median(SHAPE_SESSIONS, center=True, min_samples=1)
    pairs = pairs.sort("security_id", "other_source", "session").with_columns(
        scale=pl.when(shaped).then(ratio.over("security_id", "other_source")).otherwise(1.0)
    )
    venue = pl.col("venue").is_not_null() | pl.col("other_venue").is_not_null()
    off = {name: (pl.col(f"other_{name}") * pl.col("scale") / pl.col(name) - 1).abs() for name in PRICES}
    beyond = pl.max_horizontal(
        (pl.col("other_high") * pl.col("scale") / pl.col("high") - 1).clip(0),
        (1 - pl.col("other_low") * pl.col("scale") / pl.col("low")).clip(0),
    )
    prices = choose([(venue, pl.max_horizontal(off["close"], beyond))], pl.max_horizontal(*off.values()))
    volumes = (pl.col("other_volume") * (1 / pl.col("scale")) / pl.col("volume") - 1).abs()
    pairs = pairs.with_columns(prices_off=prices, volume_off=pl.when(~venue & (pl.col("volume") > 0)).then(volumes))
    price_limit, volume_limit = limits("sources_differ"), limits("sources_differ_volume")
    far = pl.col("prices_off") > price_limit
    pairs = pairs.filter(far | (pl.col("volume_off") > volume_limit).fill_null(value=False)).with_columns(far=far)
    worst = pairs.sort("prices_off", "volume_off", descending=True, nulls_last=True).unique(
        ["security_id", "session"], keep="first", maintain_order=True
    )
    return _findings(worst, price_limit, volume_limit, list(other.values()))


def _findings(rows: pl.DataFrame, price_limit: pl.Expr, volume_limit: pl.Expr, others: Sequence[str]) -> pl.DataFrame:
    words = choose(
        [
            (pl.col("far") & (pl.col("adjusted") != pl.col("other_adjusted")), pl.lit("the shape of its prices")),
            (pl.col("far"), pl.lit("its prices")),
        ],
        pl.lit("its volume"),
    )
    return rows.select(
        "security_id",
        "session",
        "ticker",
        rule=pl.lit("sources_differ"),
        verdict=pl.lit(Verdict.SUSPICIOUS.value),
        severity=pl.lit(Severity.WARN.value),
        cause=pl.format("{} differs in {}", "other_source", words),
        value=pl.when("far").then("prices_off").otherwise("volume_off"),
        threshold=pl.when("far").then(price_limit).otherwise(volume_limit),
        evidence=pl.struct("source", *PRICES, "volume", "scale", *others).struct.json_encode(),
        would_change=pl.lit("a corrected bar of either source, or a third one that agrees with one of them"),
        settled_by=pl.lit(None, dtype=pl.String),
    ).sort("security_id", "session")
