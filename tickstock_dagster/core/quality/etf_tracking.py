"""Whether an ETF moved as its reference suggests: one session's residual against those of the sessions before.

A fund whose home market was closed is priced without it. Its move then is no evidence, so the closed market excuses it
and it raises no alarm. Reading bars belongs in `adapters`, homes in `core.quality.home_markets`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tickstock_dagster.core.actions.returns import total_returns
from tickstock_dagster.core.judging.reference_rules import LEAST_DISTANCE, WINDOW
from tickstock_dagster.core.judging.thresholds import THRESHOLDS
from tickstock_dagster.core.quality.home_markets import HomeState

SIGMAS = THRESHOLDS["reference_gap"].default
"""A residual of more than this many standard deviations is unusual."""

_LEAST_SIGMA = 1e-4

FUND_HOME_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "reference": pl.String,
    "etf_type": pl.String,
    "name": pl.String,
    "underlying_index": pl.String,
}
"""ETFs with the facts that identify their home market; `ticker` is today's, `reference` never null."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """One fund on one session.

    Attributes:
        ticker: the fund's ticker.
        reference: ticker of its reference.
        move: the fund's total return.
        expected: the return that the reference's return suggests.
        sigmas: distance between the two, in standard deviations of the sessions before.
        home: its home market's state; None where it has no one home, or none that is known.
        security_id: the fund.
    """

    ticker: str
    reference: str
    move: float
    expected: float
    sigmas: float
    home: HomeState | None
    security_id: int

    @property
    def far(self) -> bool:
        """Whether the fund is unusually far from its reference."""
        return abs(self.sigmas) > SIGMAS and abs(self.move - self.expected) > LEAST_DISTANCE

    @property
    def excused(self) -> bool:
        """Whether a closed home market explains the distance."""
        return self.far and self.home is not None and self.home.closed


def evaluate_tracking(
    closes: pl.DataFrame,
    payouts: pl.DataFrame,
    funds: pl.DataFrame,
    homes: Mapping[int, HomeState],
    sessions: Sequence[date],
) -> list[Tracking]:
    """Evaluate every fund that has returns, as its reference has, on the last session and the `WINDOW` before it.

    Args:
        closes: `CLOSE_SCHEMA` of the funds and of their references.
        payouts: `PAYOUT_SCHEMA`.
        funds: `FUND_HOME_SCHEMA`.
        homes: the state of each fund's home market, by security.
        sessions: `WINDOW` + 2 sessions of the calendar, ascending; the last one is evaluated.

    Returns:
        One per fund, by ticker.
    """
    holders = dict(closes.sort("session").group_by("ticker").agg(pl.col("security_id").last()).iter_rows())
    securities, returns = total_returns(closes, payouts, sessions)
    row_of = {security: row for row, security in enumerate(securities)}
    found = []
    for fund in funds.sort("ticker").iter_rows(named=True):
        reference = holders.get(fund["reference"])
        if reference is None or reference == fund["security_id"] or fund["security_id"] not in row_of:
            continue
        own, other = returns[row_of[fund["security_id"]], 1:], returns[row_of[reference], 1:]
        if len(own) <= WINDOW or np.isnan(own).any() or np.isnan(other).any():
            continue
        expected, sigma = _usual(own[:-1], other[:-1], float(other[-1]))
        move = float(own[-1])
        home = homes.get(fund["security_id"])
        found.append(
            Tracking(
                fund["ticker"], fund["reference"], move, expected, (move - expected) / sigma, home, fund["security_id"]
            )
        )
    return found


def _usual(own: np.ndarray, other: np.ndarray, today: float) -> tuple[float, float]:
    """The expected return of today by least squares, and the residuals' standard deviation."""
    spread = float(np.var(other))
    beta = float(np.mean((own - own.mean()) * (other - other.mean()))) / spread if spread > 0 else 0.0
    alpha = float(own.mean() - beta * other.mean())
    residuals = own - alpha - beta * other
    return alpha + beta * today, max(float(residuals.std()), _LEAST_SIGMA)
