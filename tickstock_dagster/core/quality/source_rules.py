"""The rule about bars of which sources disagree, by what of them is comparable.

Of raw consolidated bars all is compared. Adjusted ones are compared by their shape: what is left after the usual ratio
of the two sources' closes, which a split or dividend inside the span moves once. Of a single venue's bars the prices at
which the whole market traded as well are compared: its highs and lows lie inside the consolidated ones, its volume is
a part. Whichever is right, every candidate is kept as it came, and none is averaged.
"""

import math
from collections.abc import Mapping, Sequence

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
        One row for each bar that differs, of the candidate that differs most: by prices or volume, whichever is further
        beyond its threshold; of equal ones the first source by name.
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
    other_volume = pl.col("other_volume") / pl.col("scale")
    volumes = (
        pl.when(pl.col("volume") > 0)
        .then((other_volume / pl.col("volume") - 1).abs())
        .otherwise(pl.when(other_volume > 0).then(math.inf).otherwise(0.0))
    )
    limit = {"prices": limits("sources_differ"), "volume": limits("sources_differ_volume")}
    pairs = pairs.with_columns(prices_off=prices, volume_off=pl.when(~venue).then(volumes).otherwise(0.0))
    beyond_by = {
        f"{name}_by": pl.when(pl.col(f"{name}_off") > most).then(pl.col(f"{name}_off") / most).otherwise(0.0)
        for name, most in limit.items()
    }
    pairs = pairs.with_columns(**beyond_by).filter((pl.col("prices_by") > 0) | (pl.col("volume_by") > 0))
    order = [
        pl.max_horizontal("prices_by", "volume_by"),
        pl.col("prices_off"),
        pl.col("volume_off"),
        pl.col("other_source"),
    ]
    worst = pairs.sort(order, descending=[True, True, True, False]).unique(
        ["security_id", "session"], keep="first", maintain_order=True
    )
    return _findings(worst, limit, list(other.values()))


def _findings(rows: pl.DataFrame, limit: Mapping[str, pl.Expr], others: Sequence[str]) -> pl.DataFrame:
    of_prices = pl.col("prices_by") >= pl.col("volume_by")
    prices = choose(
        [(pl.col("adjusted") != pl.col("other_adjusted"), pl.lit("the shape of its prices"))], pl.lit("its prices")
    )
    words = choose(
        [
            ((pl.col("prices_by") > 0) & (pl.col("volume_by") > 0), prices + pl.lit(" and its volume")),
            (pl.col("prices_by") > 0, prices),
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
        value=pl.when(of_prices).then("prices_off").otherwise("volume_off"),
        threshold=pl.when(of_prices).then(limit["prices"]).otherwise(limit["volume"]),
        evidence=pl.struct(
            "source", *PRICES, "volume", "scale", "prices_off", "volume_off", *others
        ).struct.json_encode(),
        would_change=pl.lit("a corrected bar of either source, or a third one that agrees with one of them"),
        settled_by=pl.lit(None, dtype=pl.String),
    ).sort("security_id", "session")
