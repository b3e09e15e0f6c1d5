"""Initial public offerings as of the vendor's day: rumour, pending, new on the first trading day, then history."""

from datetime import date, timedelta
from math import ceil, floor
from typing import Any

import numpy as np

from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.http.pages import ListShape, list_answer
from tickstock_dagster.simulator.market.codes import isin_of, us_code_of
from tickstock_dagster.simulator.market.offerings import Offering, offerings
from tickstock_dagster.simulator.market.securities import stable_hash

_FIELDS = (
    "listing_date", "ticker", "last_updated", "security_type", "issuer_name", "currency_code", "isin", "us_code",
    "final_issue_price", "min_shares_offered", "max_shares_offered", "lowest_offer_price", "highest_offer_price",
    "total_offer_size", "shares_outstanding", "primary_exchange", "lot_size", "security_description", "ipo_status",
    "announced_date",
)  # fmt: skip
_FILTERS = {
    "ticker": pages.text,
    "us_code": pages.text,
    "isin": pages.text,
    "listing_date": pages.day,
    "ipo_status": pages.text,
}
OLD = ListShape(_FILTERS, _FIELDS, "listing_date.desc", 10, 1_000, new_style=False, tie="isin", counted=False)
NEW = ListShape(_FILTERS, _FIELDS, "listing_date.desc", 10, 1_000, new_style=True, tie="isin", counted=False)

_DESCRIPTIONS = {"CS": "Ordinary Shares", "ADRC": "American Depositary Shares", "UNIT": "Units"}
_DATED_AHEAD = timedelta(days=14)
"""A pending offering's first trading day is known so long before it."""


def experimental_ipos(call: Call) -> dict[str, Any]:
    """`/vX/reference/ipos`; only its rows have the dates between which shares are issued."""
    rows = [row | _issue_dates(row) for row in _rows(call)]
    return list_answer(OLD, rows, pages.opened(call.query), f"{call.origin}{call.path}")


def ipos(call: Call) -> dict[str, Any]:
    """`/v1/reference/ipos`."""
    return list_answer(NEW, _rows(call), pages.opened(call.query), f"{call.origin}{call.path}")


def _rows(call: Call) -> list[dict[str, Any]]:
    tape, today = call.tape, call.today
    return tape.remembered(
        ("ipos", today), lambda: [_row(call, one, today) for one in offerings(tape.data, tape.seed, today)]
    )


def status_of(offering: Offering, today: date) -> str:
    """The vendor's word for the state of an offering on a day."""
    if offering.given_up and offering.given_up <= today:
        return "postponed" if offering.postponed else "withdrawn"
    if today < offering.announced:
        return "rumor"
    if today < offering.listing:
        return "direct_listing_process" if offering.direct else "pending"
    return "new" if today == offering.listing else "history"


def _row(call: Call, one: Offering, today: date) -> dict[str, Any]:
    status = status_of(one, today)
    moments = (one.rumoured, one.announced, one.listing - _DATED_AHEAD, one.listing, one.given_up)
    passed = [day for day in moments if day and day <= today]
    traded = status in ("new", "history")
    waiting = status in ("pending", "direct_listing_process")
    dated = traded or (waiting and today >= one.listing - _DATED_AHEAD)
    row: dict[str, Any] = {
        "ticker": one.ticker,
        "issuer_name": one.issuer,
        "ipo_status": status,
        "security_type": one.kind,
        "security_description": _DESCRIPTIONS[one.kind],
        "primary_exchange": one.exchange,
        "currency_code": "USD",
        "isin": isin_of(one.key),
        "us_code": us_code_of(one.key),
        "announced_date": one.announced.isoformat() if one.announced <= today else None,
        "listing_date": one.listing.isoformat() if dated else None,
        "last_updated": max(passed).isoformat(),
        "lot_size": 100,
    }
    if status != "rumor":
        row |= _terms(call, one, traded=traded)
    return {name: value for name, value in row.items() if value is not None}


def _terms(call: Call, one: Offering, *, traded: bool) -> dict[str, Any]:
    """Prices in US dollars and numbers of shares; the price is near the first trade's."""
    opened = _first_open(call, one)
    price = max(round(2 * (opened * 0.9 if opened else 8 + stable_hash(f"price:{one.key}") % 32)) / 2, 0.5)
    known = call.tape.data.shares_on(one.security, one.listing) if one.security else None
    shares = known or 20_000_000 + stable_hash(f"shares:{one.key}") % 80_000_000
    offered = max(shares * 15 // 100_000, 1) * 1_000
    return {
        "lowest_offer_price": max(floor(price * 0.9), 0.5),
        "highest_offer_price": max(ceil(price * 1.05), 0.5),
        "final_issue_price": price if traded else None,
        "min_shares_offered": max(offered * 6 // 10_000, 1) * 1_000,
        "max_shares_offered": offered,
        "shares_outstanding": shares,
        "total_offer_size": round(price * offered, 2),
    }


def _first_open(call: Call, one: Offering) -> float | None:
    for holder in call.tape.data.holders(one.ticker):
        if holder.ticker_on(one.listing) == one.ticker:
            series = call.tape.data.series(holder)
            at = int(np.searchsorted(series.ordinals, one.listing.toordinal()))
            opened = float(series.open[at]) if at < len(series.ordinals) else 0.0
            return opened if opened > 0 else None
    return None


def _issue_dates(row: dict[str, Any]) -> dict[str, str]:
    if "listing_date" not in row or "announced_date" not in row:
        return {}
    last = date.fromisoformat(row["listing_date"]) - timedelta(days=1)
    return {"issue_start_date": row["announced_date"], "issue_end_date": last.isoformat()}
