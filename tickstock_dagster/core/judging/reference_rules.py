"""The rule about funds that moved otherwise than what they are compared with.

A fund's expected return follows from the reference's by least squares over the sixty sessions before, all of which both
must have. A fund whose home market was closed is priced without it: its move is no evidence, and that explains it.
"""

import polars as pl

from tickstock_dagster.core.judging.found import Found, verdict_of
from tickstock_dagster.core.judging.panel import Panel
from tickstock_dagster.core.judging.thresholds import Limits

WINDOW = 60
"""Sessions before the judged one that give a fund's usual distance from its reference."""

LEAST_DISTANCE = 0.02
"""Least unusual distance, as a return: a fund that is always close to its reference may leave it by a little."""

_LEAST_SIGMA = 1e-4


def reference_gap(bars: pl.DataFrame, found: Found, limits: Limits, panel: Panel) -> None:
    """A fund far from what its reference suggests, in standard deviations of what was left before.

    Args:
        bars: with their context and facts.
        found: takes the findings.
        limits: the thresholds.
        panel: says on which sessions home markets were closed.
    """
    funds = bars.filter(
        pl.col("reference").is_not_null() & (pl.col("reference") != pl.col("security_id")) & ~found.wrong
    )
    if funds.is_empty():
        return
    rows = _with_residuals(funds, _returns_of_references(bars, funds, found), panel)
    if rows.is_empty():
        return
    closed = [(home, day) for home, days in panel.home_closed.items() for day in sorted(days)]
    homes = pl.DataFrame(closed, schema={"home": pl.String, "session": pl.Date}, orient="row")
    rows = rows.filter(
        (pl.col("sigmas_off").abs() > limits("reference_gap"))
        & ((pl.col("own_return") - pl.col("expected")).abs() > LEAST_DISTANCE)
    ).join(
        homes.with_columns(home_closed=pl.lit(value=True)), on=["home", "session"], how="left", maintain_order="left"
    )
    excused = pl.col("home_closed").fill_null(value=False)
    found.add(
        "reference_gap",
        rows,
        verdict=verdict_of(excused),
        cause=pl.when(excused)
        .then(pl.format("its home market, {}, was closed", "home"))
        .otherwise(pl.lit("what it is compared with did not move so")),
        value=pl.col("sigmas_off"),
        threshold=limits("reference_gap"),
        evidence=["reference", "own_return", "expected", "beta", "sigma", "home"],
        would_change="a distribution with this ex-date, or a corrected bar of the fund or of its reference",
    )


def _returns_of_references(bars: pl.DataFrame, funds: pl.DataFrame, found: Found) -> pl.DataFrame:
    wanted = funds["reference"].unique().implode()
    held = bars.filter(pl.col("security_id").is_in(wanted) & ~found.wrong)
    return held.select("session", reference="security_id", reference_return=pl.col("move").exp() - 1)


def _with_residuals(funds: pl.DataFrame, references: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """The funds' judged bars with what their references suggest: `expected`, `beta`, `sigma`, `sigmas_off`."""
    places = pl.DataFrame({"session": list(panel.sessions)}, schema={"session": pl.Date}).with_row_index("place")
    own, other, of = pl.col("own_return"), pl.col("reference_return"), "security_id"
    rows = (
        funds.with_columns(own_return=pl.col("move").exp() - 1)
        .join(references, on=["session", "reference"], how="left", maintain_order="left")
        .join(places, on="session", maintain_order="left")
    )
    # A return since an older close than the session before's is none of one session.
    whole = pl.col("place").cast(pl.Int64).diff().over(of) == 1
    rows = rows.with_columns(own_return=pl.when(whole & other.is_not_null()).then(own))
    rows = rows.with_columns(reference_return=pl.when(own.is_not_null()).then(other))

    def mean(values: pl.Expr) -> pl.Expr:
        return values.shift().rolling_mean(WINDOW).over(of)

    rows = rows.with_columns(own_mean=mean(own), other_mean=mean(other), both=mean(own * other), squares=mean(other**2),
                             own_squares=mean(own**2))  # fmt: skip
    spread = pl.col("squares") - pl.col("other_mean") ** 2
    covariance = pl.col("both") - pl.col("own_mean") * pl.col("other_mean")
    rows = rows.with_columns(beta=pl.when(spread > 0).then(covariance / spread).otherwise(0.0))
    left = pl.col("own_squares") - pl.col("own_mean") ** 2 - pl.col("beta") * covariance
    return (
        rows.with_columns(
            expected=pl.col("own_mean") + pl.col("beta") * (other - pl.col("other_mean")),
            sigma=left.clip(0).sqrt().clip(_LEAST_SIGMA),
        )
        .with_columns(sigmas_off=(own - pl.col("expected")) / pl.col("sigma"))
        .filter(pl.col("sigmas_off").is_not_null() & (pl.col("session") >= panel.first))
    )
