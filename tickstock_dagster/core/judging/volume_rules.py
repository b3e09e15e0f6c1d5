"""Rules about volumes far from the usual one, by the minute of trading and in the shares of one day.

The usual one is the median of the twenty bars before. A spike is accounted for by a market that traded as much, by
what happened to the price, by a day on which much is expected, by the security's own habit, by a spike just before; a
drought by the market or by its habit. News are looked up for what remains: evidence, never an excuse by themselves.
"""

import polars as pl

from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.judging.found import Found, choose, first_of, vendor_call, verdict_of
from tickstock_dagster.core.judging.structure_rules import BARS_CALL
from tickstock_dagster.core.judging.thresholds import Limits

INFORMATION = 3.0
"""Usual moves from which people are expected to trade more, in proportion."""

LARGE, MIDDLE = 100e6, 20e6
"""Dollars of an ordinary session; from them on a security's volumes scatter less."""

SOMETIMES_SILENT, NEVER_SILENT = 1e6, 20e6
"""Dollars of an ordinary session up to which one without a trade may be, and from which it cannot."""

HABIT_SILENT = 3
"""Sessions without a trade among the sixty before from which one of what trades much is doubtful, not wrong."""

NEWLY_LISTED = 20
"""Bars of a listing whose volumes are not usual yet."""

_AFTER_SPIKE = 0.3

NEWS_CALL = "/v2/reference/news?ticker={ticker}&published_utc.gte={session}"


def volume_rules(bars: pl.DataFrame, found: Found, limits: Limits) -> None:
    """`no_volume`, `volume_spike` and `volume_drought` of good bars with one before them.

    Args:
        bars: with their context, and `known_day` in words.
        found: takes the findings.
        limits: the thresholds.
    """
    usual = (pl.col("number") > 0) & ~pl.col("thin")
    busy, traded = pl.col("busy"), usual & (pl.col("volume") > 0)
    few = traded & ((busy > limits("volume_spike").log()) | (busy < limits("volume_drought").log()))
    # What is asked of few rows is asked after they are chosen: a copy of all of them costs more than the rest.
    rows = bars.filter(~found.wrong & (few | (usual & (pl.col("volume") == 0))))
    expected = pl.col("usual_rate") / pl.col("shares") * pl.col("minutes")
    _silence(rows, found, expected)
    rows = rows.filter(pl.col("volume") > 0)
    _spikes(rows, found, limits)
    _droughts(rows, found, limits)


def _silence(bars: pl.DataFrame, found: Found, expected: pl.Expr) -> None:
    """Sessions without a trade: wrong of what trades much on every session, suspicious of what trades less."""
    silent = bars.filter(pl.col("volume") == 0)
    some, habit = pl.col("silent_before") > 0, pl.col("silent_before") >= HABIT_SILENT
    dollars = expected * pl.col("last_close")
    silent = silent.with_columns(
        verdict=choose(
            [
                (dollars < SOMETIMES_SILENT, pl.lit(Verdict.EXPLAINED.value)),
                (some & (dollars < NEVER_SILENT), pl.lit(Verdict.EXPLAINED.value)),
                (habit | (dollars < NEVER_SILENT), pl.lit(Verdict.SUSPICIOUS.value)),
            ],
            pl.lit(Verdict.WRONG.value),
        )
    )
    found.add(
        "no_volume",
        silent,
        verdict=pl.col("verdict"),
        cause=choose(
            [(pl.col("verdict") == Verdict.EXPLAINED.value, pl.lit("it does not trade on every session"))],
            pl.lit("no share was traded, though some are on every session"),
        ),
        value=pl.col("volume"),
        threshold=expected,
        evidence=["silent_before"],
        would_change="another answer of the vendor for the session",
        settled_by=vendor_call(BARS_CALL),
        severity=Severity.ERROR,
    )
    found.mark_wrong(silent.filter(pl.col("verdict") == Verdict.WRONG.value))


def _spikes(bars: pl.DataFrame, found: Found, limits: Limits) -> None:
    limit = limits("volume_spike").log()
    rows = bars.filter((pl.col("busy") > limit).fill_null(value=False))
    dollars = pl.col("usual_rate") / pl.col("shares") * pl.col("full_minutes") * pl.col("last_close")
    dispersions = choose(
        [(dollars >= LARGE, limits("habit_large")), (dollars >= MIDDLE, limits("habit_middle"))], limits("habit_small")
    )
    alone = pl.col("busy") - pl.col("market_busy").clip(0)
    after_price = alone - (pl.col("information") / INFORMATION).log().clip(0)
    known = pl.when(pl.col("known_day").is_not_null()).then(limits("known_day").log()).otherwise(0.0)
    left = after_price - known
    rows = rows.with_columns(
        why=first_of(
            {
                "the whole market traded more": alone < limit,
                "its price moved with it": after_price < limit,
                "a day on which much is expected": left < limit,
                "within its own habit": left < dispersions * pl.col("habit"),
                "it follows a spike": left < pl.col("recent") + _AFTER_SPIKE,
                "newly listed": pl.col("number") < NEWLY_LISTED,
            }
        )
    )
    expected_day = pl.format("a day on which much is expected: {}", "known_day")
    known_cause = pl.when(pl.col("why") == "a day on which much is expected").then(expected_day)
    _add(rows, found, limits, "volume_spike", known_cause.otherwise(pl.col("why")))


def _droughts(bars: pl.DataFrame, found: Found, limits: Limits) -> None:
    limit = limits("volume_drought").log()
    rows = bars.filter((pl.col("busy") < limit).fill_null(value=False))
    alone = pl.col("busy") - pl.col("market_busy").clip(upper_bound=0)
    rows = rows.with_columns(
        why=first_of(
            {
                "the whole market traded less": alone > limit,
                "within its own habit": alone > -limits("habit_drought") * pl.col("habit"),
                "newly listed": pl.col("number") < NEWLY_LISTED,
            }
        )
    )
    _add(rows, found, limits, "volume_drought", pl.col("why"))


def _add(rows: pl.DataFrame, found: Found, limits: Limits, rule: str, cause: pl.Expr) -> None:
    unknown = pl.col("why").is_null()
    found.add(
        rule,
        rows,
        verdict=verdict_of(~unknown),
        cause=pl.coalesce(cause, pl.lit("nothing that is known accounts for it")),
        value=pl.col("busy").exp(),
        threshold=limits(rule),
        evidence=[
            (pl.col("usual_rate") / pl.col("shares") * pl.col("minutes")).alias("expected"),
            "minutes", "market_busy", "information", "habit", "recent", "known_day", "number",
        ],
        would_change=pl.when(unknown)
        .then(pl.lit("news, an action with this ex-date, or a second source with the same volume"))
        .otherwise(pl.lit("a corrected volume of this session or of those before")),
        settled_by=pl.when(unknown).then(vendor_call(NEWS_CALL)),
    )  # fmt: skip
