"""The estimate of what a security was worth on a session on which it did not print, and how it is made.

    value = last close × actions since × (1 + beta × reference's return since the last print)

*Last close*: the security's newest printed close before the session. *Actions since*: its splits and cash dividends
with an ex-date after that print, so that the value stands in the price of its own session. *Reference*: for an ETF its
`correlation_reference`, for a company the fund of its sector, else SPY; the first of them that has what is needed.

*Beta* is measured from print to print: the return between two prints of the security against the reference's return
over the very same sessions, the last 60 of them, weighted by 1 / sessions between them (E. Dimson and P. Marsh, "The
stability of UK risk measures and the problem of thin trading", Journal of Finance 38, 1983): a return from one session
to the next would be near zero where nothing traded, and beta with it. It is then shrunk towards 0, that is towards the
last close, by b² / (b² + se²), the more the less certain it is (O. Vasicek, "A note on using cross-sectional
information in Bayesian estimation of security betas", Journal of Finance 28, 1973, with the prior taken from the
estimate itself). Where there are fewer than 20 such returns the value is the last close; where there is no print
within the year before, there is none.

Only what was printed up to the session itself is used. Reading prints and storing values belongs in
`adapters.valuation.store`; how good the estimate is, in `core.valuation.accuracy`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickstock_dagster.core.actions.returns import PAYOUT_SCHEMA, price_factors
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
"""Source of a value that this module made; any other source is a vendor's name."""

WINDOW = 60
"""Returns from print to print that beta is measured over."""

LEAST_RETURNS = 20
"""With fewer of them there is no beta, and the value is the last close."""

LOOKBACK = 252
"""Sessions before the valued one that are looked at. Older prints say nothing of it."""

MARKET_FUND = "SPY"
"""The reference of everything that has no other."""

SECTOR_FUNDS = {
    TECHNOLOGY: "XLK", COMMUNICATION: "XLC", DISCRETIONARY: "XLY", STAPLES: "XLP", HEALTH: "XLV", FINANCIALS: "XLF",
    INDUSTRIALS: "XLI", ENERGY: "XLE", MATERIALS: "XLB", UTILITIES: "XLU", REAL_ESTATE: "XLRE",
}  # fmt: skip
"""The fund that stands for a sector."""

DECIMALS = 6
"""Of a stored value, as the table's columns have."""

Floats = NDArray[np.float64]

UNPRINTED_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "correlation_reference": pl.String,
    "sector": pl.String,
}
"""A session on which a security did not print, with what its references follow from."""

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
"""A value and how it was come by: `fmv` and `last_close` in currency units per share, `last_close` raw as printed."""


class Method(StrEnum):
    """How a value was come by."""

    REFERENCE = "reference"
    LAST_CLOSE = "last_close"
    VENDOR = "vendor"


@dataclass(frozen=True, slots=True)
class Step:
    """How far a security is thought to have gone since its last print: `growth` is value / last close."""

    growth: float
    beta: float


def references_of(correlation_reference: str | None, sector: str | None, ticker: str) -> tuple[str, ...]:
    """Tickers that a security may be measured against, the best first, itself left out."""
    names = (correlation_reference, SECTOR_FUNDS.get(sector or ""), MARKET_FUND)
    return tuple(dict.fromkeys(name for name in names if name and name != ticker))


def beta_of(returns: Floats, references: Floats, spans: Floats) -> float:
    """The shrunk beta of some returns from print to print; 0.0 where the reference stood still.

    Args:
        returns: of the security, shape (n,), n ≥ 2.
        references: of the reference, over the same sessions.
        spans: sessions that each return covers, ≥ 1.
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
    """How far a security went from its last print to a session, by its reference; None where that cannot be said.

    Args:
        levels: total-return levels of the security by session, NaN where it did not print.
        reference: the reference's, on the same sessions.
        place: position of the valued session; later ones are not looked at.
        last: position of the security's last print before it.
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
    """Values of the sessions on which securities did not print, as the module's docstring says.

    Args:
        unprinted: `UNPRINTED_SCHEMA`.
        closes: `core.actions.returns.CLOSE_SCHEMA`: raw closes of these securities and of their references.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`.
        sessions: sessions of the calendar, ascending: the valued ones, and `LOOKBACK` before the first.

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
    # By session: a ticker may have been another security's before.
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
    # What rounds to nothing is no price.
    return pl.DataFrame(found, schema=FAIR_VALUE_SCHEMA, orient="row").filter(pl.col("fmv") > 0)


def _by_security(closes: pl.DataFrame, place_of: Mapping[date, int]) -> dict[int, Floats]:
    rows: dict[int, Floats] = {}
    for security, session, close in closes.select("security_id", "session", "close").iter_rows():
        if security not in rows:
            rows[security] = np.full(len(place_of), np.nan)
        rows[security][place_of[session]] = close
    return rows


def _factors(prices: Mapping[int, Floats], payouts: pl.DataFrame, sessions: Sequence[date]) -> dict[int, Floats]:
    by_security: dict[int, list[tuple[int, float | None, float | None]]] = {security: [] for security in prices}
    ordinals = np.array([day.toordinal() for day in sessions])
    for security, ex_date, ratio, cash in payouts.sort("ex_date").select(list(PAYOUT_SCHEMA)).iter_rows():
        # An action on a day without a session takes effect on the next one.
        place = int(np.searchsorted(ordinals, ex_date.toordinal()))
        if security in by_security and 0 < place < len(sessions):
            by_security[security].append((place, ratio, cash))
    return {security: price_factors(prices[security], actions) for security, actions in by_security.items()}
