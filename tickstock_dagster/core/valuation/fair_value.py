"""Estimates the value of a security on a session on which it did not print.

    value = last close × actions since × (1 + beta × reference's return since the last print)

*Last close*: the security's newest printed close before the session. *Actions since*: its splits and cash dividends
with an ex-date after that print, so that the value is in prices of its own session. *Reference*: for an ETF its
`correlation_reference`, for a company the fund of its sector, else SPY; the first of them with enough prints.

*Beta* is measured from print to print: the return between two prints of the security against the reference's return
over the same sessions, for the last 60 such returns, weighted by 1 / sessions between the prints (E. Dimson and P.
Marsh, "The stability of UK risk measures and the problem of thin trading", Journal of Finance 38, 1983). Returns from
session to session would be near zero where nothing traded, and beta with them. Beta is then shrunk towards 0, that is
towards the last close, by b² / (b² + se²): the less certain it is, the more (O. Vasicek, "A note on using
cross-sectional information in Bayesian estimation of security betas", Journal of Finance 28, 1973, with the prior taken
from the estimate itself). With fewer than 20 such returns the value is the last close; without a print in the year
before there is no value.

The estimate uses only prints up to the session itself. Reading prints and storing values belongs in
`adapters.valuation.store`, measuring the estimate's accuracy in `core.valuation.accuracy`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickstock_dagster.core.actions.returns import PAYOUT_SCHEMA, Action, as_action, in_order, price_factors
from tickstock_dagster.core.securities.sectors import (
    COMMUNICATION,
    DISCRETIONARY,
    ENERGY,
    FINANCIALS,
    HEALTH,
    INDUSTRIALS,
    MATERIALS,
    REAL_ESTATE,
    STAPLES,
    TECHNOLOGY,
    UTILITIES,
)

ESTIMATOR = "estimator"
"""Source of the values of this module; any other source is a vendor's name."""

WINDOW = 60
"""Number of returns from print to print behind a beta."""

LEAST_RETURNS = 20
"""With fewer of them there is no beta, and the value is the last close."""

LOOKBACK = 252
"""Sessions before the valued one whose prints count. Older prints are too old."""

MARKET_FUND = "SPY"
"""The reference of securities without another one."""

SECTOR_FUNDS = {
    TECHNOLOGY: "XLK", COMMUNICATION: "XLC", DISCRETIONARY: "XLY", STAPLES: "XLP", HEALTH: "XLV", FINANCIALS: "XLF",
    INDUSTRIALS: "XLI", ENERGY: "XLE", MATERIALS: "XLB", UTILITIES: "XLU", REAL_ESTATE: "XLRE",
}  # fmt: skip
"""The fund that represents a sector."""

DECIMALS = 6
"""Decimals of a stored value, as in the table's columns."""

Floats = NDArray[np.float64]

UNPRINTED_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "correlation_reference": pl.String,
    "sector": pl.String,
}
"""A session on which a security did not print, with the facts that determine its references."""

FAIR_VALUE_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "fmv": pl.Float64,
    "source": pl.String,
    "method": pl.String,
    "reference": pl.String,
    "beta": pl.Float64,
    "last_session": pl.Date,
    "last_close": pl.Float64,
    "sessions_since_print": pl.Int64,
}
"""A value and its derivation: `fmv` and `last_close` in currency units per share, `last_close` raw as printed."""


class Method(StrEnum):
    """How a value was derived."""

    REFERENCE = "reference"
    LAST_CLOSE = "last_close"
    VENDOR = "vendor"


@dataclass(frozen=True, slots=True)
class Step:
    """The estimated move of a security since its last print: `growth` is value / last close."""

    growth: float
    beta: float


def references_of(correlation_reference: str | None, sector: str | None, ticker: str) -> tuple[str, ...]:
    """Tickers of a security's possible references, the best first, without the security itself."""
    names = (correlation_reference, SECTOR_FUNDS.get(sector or ""), MARKET_FUND)
    return tuple(dict.fromkeys(name for name in names if name and name != ticker))


def beta_of(returns: Floats, references: Floats, spans: Floats) -> float:
    """The shrunk beta of returns from print to print; 0.0 where the reference did not move.

    Args:
        returns: the security's, fractions, shape (n,), n ≥ 2.
        references: the reference's, over the same sessions.
        spans: number of sessions that each return covers, ≥ 1.
    """
    weights = 1 / spans
    variance = float(weights @ references**2)
    if variance <= 0:
        return 0.0
    slope = float(weights @ (references * returns)) / variance
    left = float(weights @ (returns - slope * references) ** 2) / (len(returns) - 1)
    square = slope**2
    return slope * square / (square + left / variance) if square > 0 else 0.0


def step_since_print(levels: Floats, reference: Floats, place: int, last: int) -> Step | None:
    """The estimated move of a security from its last print to a session, by its reference; None without enough data.

    Args:
        levels: total-return levels of the security by session, NaN where it did not print.
        reference: the reference's, on the same sessions.
        place: position of the valued session; later sessions are ignored.
        last: position of the security's last print before that session.
    """
    if np.isnan(reference[last]) or np.isnan(reference[place]):
        return None
    prints = np.flatnonzero(~np.isnan(levels[: last + 1]) & ~np.isnan(reference[: last + 1]))[-WINDOW - 1 :]
    if len(prints) <= LEAST_RETURNS:
        return None
    own, theirs = levels[prints], reference[prints]
    beta = beta_of(own[1:] / own[:-1] - 1, theirs[1:] / theirs[:-1] - 1, np.diff(prints).astype(np.float64))
    growth = 1 + beta * (reference[place] / reference[last] - 1)
    # A beta of -3 and a doubled reference would make a price negative.
    return Step(growth, beta) if growth > 0 else None


def estimate_fair_values(
    unprinted: pl.DataFrame, closes: pl.DataFrame, payouts: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """Values for sessions on which securities did not print, by the rules in the module's docstring.

    Args:
        unprinted: `UNPRINTED_SCHEMA`.
        closes: `core.actions.returns.CLOSE_SCHEMA`: raw closes of these securities and of their references.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`.
        sessions: sessions of the calendar, ascending: the valued ones, and `LOOKBACK` sessions before the first.

    Returns:
        `FAIR_VALUE_SCHEMA`, ordered by session and security; no row for a security without a print in the
        `LOOKBACK` sessions before.
    """
    place_of = {day: place for place, day in enumerate(sessions)}
    prices = _by_security(closes, place_of)
    factors = _factors(prices, payouts, sessions)
    levels = {security: row / factors[security] for security, row in prices.items()}
    rows = unprinted.sort("session", "security_id").select(list(UNPRINTED_SCHEMA)).rows()
    wanted = {name for _, _, ticker, reference, sector in rows for name in references_of(reference, sector, ticker)}
    # By session, since tickers change hands.
    holders: dict[tuple[str, date], int] = {
        (ticker, session): security
        for ticker, session, security in closes.filter(pl.col("ticker").is_in(list(wanted)))
        .select("ticker", "session", "security_id")
        .iter_rows()
    }
    found = []
    for security, session, ticker, correlation_reference, sector in rows:
        place = place_of[session]
        start = max(0, place - LOOKBACK)
        if security not in prices:
            continue
        printed = np.flatnonzero(~np.isnan(prices[security][start:place]))
        if not len(printed):
            continue
        last = start + int(printed[-1])
        name, step = None, None
        for candidate in references_of(correlation_reference, sector, ticker):
            holder = holders.get((candidate, session), security)
            if holder != security:
                own, theirs = levels[security][start:], levels[holder][start:]
                step = step_since_print(own, theirs, place - start, last - start)
            if step:
                name = candidate
                break
        close = float(prices[security][last])
        action = factors[security][place] / factors[security][last]
        value = round(float(close * action * (step.growth if step else 1.0)), DECIMALS)
        method = Method.REFERENCE if step else Method.LAST_CLOSE
        beta = round(step.beta, DECIMALS) if step else None
        row = [
            security,
            session,
            ticker,
            value,
            ESTIMATOR,
            str(method),
            name,
            beta,
            sessions[last],
            close,
            place - last,
        ]
        found.append(row)
    # A value that rounds to 0 is not a price.
    return pl.DataFrame(found, schema=FAIR_VALUE_SCHEMA, orient="row").filter(pl.col("fmv") > 0)


def _by_security(closes: pl.DataFrame, place_of: Mapping[date, int]) -> dict[int, Floats]:
    rows: dict[int, Floats] = {}
    for security, session, close in closes.select("security_id", "session", "close").iter_rows():
        if security not in rows:
            rows[security] = np.full(len(place_of), np.nan)
        rows[security][place_of[session]] = close
    return rows


def _factors(prices: Mapping[int, Floats], payouts: pl.DataFrame, sessions: Sequence[date]) -> dict[int, Floats]:
    by_security: dict[int, list[tuple[int, Action]]] = {security: [] for security in prices}
    ordinals = np.array([day.toordinal() for day in sessions])
    for security, ex_date, *action in in_order(payouts).select(list(PAYOUT_SCHEMA)).iter_rows():
        # An action on a day without a session takes effect on the next one.
        place = int(np.searchsorted(ordinals, ex_date.toordinal()))
        if security in by_security and 0 < place < len(sessions):
            by_security[security].append((place, as_action(*action)))
    return {security: price_factors(prices[security], actions) for security, actions in by_security.items()}
