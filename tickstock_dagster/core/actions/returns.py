"""Returns of securities over sessions: closes and corporate actions, in the shares of one day, as levels."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

NOISE = 1e-13
"""A smaller return is rounding noise: an unchanged price has a return of 0."""


CLOSE_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "close": pl.Float64,
}
"""Raw closes, unique by security and session."""


PAYOUT_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "ex_date": pl.Date,
    "split_ratio": pl.Float64,
    "cash": pl.Float64,
}
"""Corporate actions in force: `split_ratio` is split_from / split_to, `cash` in USD per share; one of them is null."""


Floats = NDArray[np.float64]


def total_returns(closes: pl.DataFrame, payouts: pl.DataFrame, sessions: Sequence[date]) -> tuple[list[int], Floats]:
    """Daily total returns on prices adjusted for splits and cash dividends.

    A session's return compares its close with that of the session before; without both bars there is no return. It
    equals the ratio of `ohlcv_daily_adjusted.total_return_close`, but needs only the actions that take effect between
    the two sessions, so later actions never change it.

    Args:
        closes: `CLOSE_SCHEMA`.
        payouts: `PAYOUT_SCHEMA`.
        sessions: sessions of the calendar, ascending.

    Returns:
        The securities, and their returns, shape (securities, sessions); NaN where there is none, as on the first
        session.
    """
    securities = closes["security_id"].unique().sort().to_list()
    prices = _matrix(closes.select("security_id", "session", value="close"), securities, sessions)
    previous = np.full_like(prices, np.nan)
    previous[:, 1:] = prices[:, :-1]
    factors = np.ones_like(prices)
    row_of = {security: row for row, security in enumerate(securities)}
    ordinals = np.array([day.toordinal() for day in sessions])
    for security, ex_date, ratio, cash in payouts.select(list(PAYOUT_SCHEMA)).iter_rows():
        # An action on a day without a session takes effect on the next one.
        column = int(np.searchsorted(ordinals, ex_date.toordinal()))
        if security not in row_of or column == len(sessions):
            continue
        row = row_of[security]
        if ratio is not None:
            factors[row, column] *= ratio
        elif cash < previous[row, column]:
            factors[row, column] *= 1 - cash / previous[row, column]
    returns = prices / (previous * factors) - 1
    returns[np.abs(returns) < NOISE] = 0.0
    return securities, returns


def _matrix(values: pl.DataFrame, securities: Sequence[int], sessions: Sequence[date]) -> Floats:
    rows = pl.DataFrame(list(enumerate(securities)), schema={"row": pl.Int64, "security_id": pl.Int64}, orient="row")
    columns = pl.DataFrame(list(enumerate(sessions)), schema={"column": pl.Int64, "session": pl.Date}, orient="row")
    placed = values.join(rows, on="security_id").join(columns, on="session")
    matrix = np.full((len(securities), len(sessions)), np.nan)
    matrix[placed["row"].to_numpy(), placed["column"].to_numpy()] = placed["value"].to_numpy()
    return matrix


def price_factors(prices: Floats, payouts: Sequence[tuple[int, float | None, float | None]]) -> Floats:
    """The cumulative price factor of a security's actions, by session; levels are prices / factors.

    Args:
        prices: raw closes by session, NaN where there is none.
        payouts: (position of the first session with the action, split_from / split_to or None, cash in USD per share or
            None).
    """
    factors = np.ones_like(prices)
    for place, ratio, cash in payouts:
        if ratio is not None:
            factors[place:] *= ratio
        elif cash is not None:
            before = prices[:place][~np.isnan(prices[:place])]
            if len(before) and cash < before[-1]:
                factors[place:] *= 1 - cash / before[-1]
    return factors
