"""Returns of securities over sessions: closes and corporate actions, in the shares of one day, as levels.

A dividend is declared for the shares of its ex-date, after a split of the same day; a close is in the shares of its own
session. So before an amount is compared with the close before it, the splits between them, those of the ex-date
included, put it into that close's shares. Dividends after the same close are added up before they are compared with it:
each takes its cash from the same price. Where a source states the close that a dividend is a share of, that one counts.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

NOISE = 1e-13
"""A smaller return is rounding noise: an unchanged price has a return of 0."""


BELIEVED = 1 - 1e-9
"""Dividends of a larger share of the price are not believed; thirds of a price need not add up to it exactly."""

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
    "close_before": pl.Float64,
}
"""Corporate actions in force: `split_ratio` is split_from / split_to, `cash` in USD per share; one of them is null.

`close_before`: the close before the ex-date in its shares, where the source of a dividend states it."""


Floats = NDArray[np.float64]

Action = tuple[float | None, float | None, float | None]
"""`split_ratio`, `cash` and `close_before` of one action, as in `PAYOUT_SCHEMA`."""


def in_order(payouts: pl.DataFrame) -> pl.DataFrame:
    """Payouts (`PAYOUT_SCHEMA`) in the order in which they take effect: on one day the split first."""
    return payouts.sort("security_id", "ex_date", "split_ratio", "cash", nulls_last=True)


def action_factor(close: float, actions: Iterable[Action]) -> float:
    """The factor that turns a close into what it is worth after some actions, in the shares after them.

    Equals the view `ohlcv_daily_adjusted`. A dividend of the whole price or more is not believed; neither are several
    that together are.

    Args:
        close: raw, before all of them; NaN: dividends count for nothing, except as shares of a stated close.
        actions: all that take effect after that close, in their order (`in_order`).
    """
    ratio, paid, stated = 1.0, 0.0, 1.0
    for split_ratio, cash, close_before in actions:
        if split_ratio is not None:
            ratio *= split_ratio
        elif cash is not None and close_before is not None:
            stated *= 1 - cash / close_before if cash < close_before * BELIEVED else 1.0
        elif cash is not None and cash / ratio < close * BELIEVED:
            paid += cash / ratio
    return ratio * stated * (1 - paid / close if paid < close * BELIEVED else 1.0)


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
    due: dict[tuple[int, int], list[Action]] = {}
    for security, ex_date, *action in in_order(payouts).select(list(PAYOUT_SCHEMA)).iter_rows():
        # An action on a day without a session takes effect on the next one.
        column = int(np.searchsorted(ordinals, ex_date.toordinal()))
        if security in row_of and column < len(sessions):
            due.setdefault((row_of[security], column), []).append(as_action(*action))
    for place, actions in due.items():
        factors[place] = action_factor(float(previous[place]), actions)
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


def as_action(split_ratio: float | None, cash: float | None, close_before: float | None) -> Action:
    """An action from the last columns of a row of `PAYOUT_SCHEMA`."""
    return split_ratio, cash, close_before


def price_factors(prices: Floats, payouts: Sequence[tuple[int, Action]]) -> Floats:
    """The cumulative price factor of a security's actions, by session; levels are prices / factors.

    Args:
        prices: raw closes by session, NaN where there is none.
        payouts: (position of the first session with the action, the action), in the order of `in_order`.
    """
    factors = np.ones_like(prices)
    printed = np.flatnonzero(~np.isnan(prices))
    since: dict[int, list[Action]] = {}  # by the place of the last close before; -1 where there is none
    for place, action in payouts:
        before = int(np.searchsorted(printed, place)) - 1
        last = int(printed[before]) if before >= 0 else -1
        actions = since.setdefault(last, [])
        actions.append(action)
        close = float(prices[last]) if last >= 0 else np.nan
        # Of the actions since one close, each step replaces the one before: cash adds up, it does not compound.
        factors[place:] *= action_factor(close, actions) / action_factor(close, actions[:-1])
    return factors
