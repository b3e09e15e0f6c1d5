"""Reading Massive's details of one ticker.

The envelope belongs in `adapters.sources.massive.envelope`, the ticker list in `adapters.sources.massive.reference`.
Empty text and impossible numbers (a share count of zero) become None, and so does a value of another type, which is
named. Plausibility, such as whether a share count fits
a market cap, is not checked here.
"""

from dataclasses import dataclass
from typing import Any

from tickstock_dagster.adapters.sources.massive.envelope import malformed, read_answer
from tickstock_dagster.adapters.sources.massive.values import Oddities, day_of, number_of, shown, text_of
from tickstock_dagster.adapters.sources.protocol import TickerDetails

_DIGITS = {"cik": 10, "sic_code": 4}
"""Fields that hold codes of so many digits, and come as numbers now and then."""

LARGEST = 1e18
"""Shares or US dollars: what is larger counts as absent."""

_SHARES = ("share_class_shares_outstanding", "weighted_shares_outstanding")


@dataclass(frozen=True, slots=True)
class DetailsAnswer:
    """The details of one ticker, counted as one row, and what is odd about values that it lacks."""

    details: TickerDetails
    odd: tuple[str, ...] = ()
    rows: int = 1


def ticker_details(body: bytes, ticker: str) -> DetailsAnswer:
    """`/v3/reference/tickers/{ticker}`: one object under `results`.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also no object, or one of another ticker.
    """
    found = read_answer(body).get("results")
    if not isinstance(found, dict):
        raise malformed(f"details that are {shown(found)} instead of an object")
    if found.get("ticker") != ticker:
        raise malformed(f"details of {shown(found.get('ticker'))} instead of {ticker}")
    odd = Oddities()
    shares = next((number for key in _SHARES if (number := _positive(found, key, odd)) is not None), None)
    details = TickerDetails(
        ticker=ticker,
        name=_text(found, "name", odd),
        equity_type=_text(found, "type", odd),
        primary_exchange=_text(found, "primary_exchange", odd),
        cik=_text(found, "cik", odd),
        composite_figi=_text(found, "composite_figi", odd),
        sic_code=_text(found, "sic_code", odd),
        sic_description=_text(found, "sic_description", odd),
        shares_outstanding=None if shares is None else round(shares),
        market_cap=_positive(found, "market_cap", odd),
        list_date=day_of(found, "list_date", odd),
        description=_text(found, "description", odd),
    )
    return DetailsAnswer(details, odd.lines([ticker]))


def _text(found: dict[str, Any], key: str, odd: Oddities) -> str | None:
    text = text_of(found, key, odd, digits=_DIGITS.get(key))
    return text.strip() or None if text else None


def _positive(found: dict[str, Any], key: str, odd: Oddities) -> float | None:
    number = number_of(found, key, odd)
    return number if number is not None and 0 < number < LARGEST else None
