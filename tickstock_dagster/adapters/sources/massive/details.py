"""Reading Massive's details of one ticker.

The envelope belongs in `adapters.sources.massive.envelope`, the ticker list in `adapters.sources.massive.reference`.
Empty text and impossible numbers (a share count of zero) become None. Plausibility, such as whether a share count fits
a market cap, is not checked here.
"""

from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

from tickstock_dagster.adapters.sources.massive.envelope import malformed, read_answer, shown
from tickstock_dagster.adapters.sources.protocol import TickerDetails

_SHARES = ("share_class_shares_outstanding", "weighted_shares_outstanding")


@dataclass(frozen=True, slots=True)
class DetailsAnswer:
    """The details of one ticker, counted as one row."""

    details: TickerDetails
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
    shares = next((number for key in _SHARES if (number := _positive(found, key)) is not None), None)
    return DetailsAnswer(
        TickerDetails(
            ticker=ticker,
            name=_text(found, "name"),
            equity_type=_text(found, "type"),
            primary_exchange=_text(found, "primary_exchange"),
            cik=_text(found, "cik"),
            composite_figi=_text(found, "composite_figi"),
            sic_code=_text(found, "sic_code"),
            sic_description=_text(found, "sic_description"),
            shares_outstanding=None if shares is None else round(shares),
            market_cap=_positive(found, "market_cap"),
            list_date=_day(found, "list_date"),
            description=_text(found, "description"),
        )
    )


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    if value is not None and not isinstance(value, str):
        raise malformed(f"{key} is {shown(value)} instead of text")
    return value.strip() or None if value else None


def _positive(found: dict[str, Any], key: str) -> float | None:
    value = found.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise malformed(f"{key} is {shown(value)} instead of a number")
    return float(value) if value > 0 else None


def _day(found: dict[str, Any], key: str) -> date | None:
    text = _text(found, key)
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        raise malformed(f"{key} {shown(text)} is not a date") from None
