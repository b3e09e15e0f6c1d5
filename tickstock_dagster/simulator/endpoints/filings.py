"""The index of SEC filings: periodic reports of listed companies, and the prospectuses of offerings.

Companies have their ticker in the index from their first trading day on; before it only the CIK names them.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.http.pages import ListShape, list_answer
from tickstock_dagster.simulator.market.offerings import Offering, offerings, weekday
from tickstock_dagster.simulator.market.securities import Security, stable_hash

FIRST_YEAR = 2024
"""Of periodic reports; the vendor's own index is older and a thousand times as long."""

FILINGS = ListShape(
    filters={"cik": pages.text, "ticker": pages.text, "form_type": pages.text, "filing_date": pages.day},
    sorts=("filing_date", "cik", "ticker", "form_type", "accession_number", "issuer_name", "filing_url"),
    default_sort="filing_date.desc",
    default_limit=1_000,
    max_limit=10_000,
    new_style=True,
    tie="accession_number",
    counted=False,
)

# month and day of the earliest report, and its form; each is filed within 15 days
_SEASONS = ((2, 3, "10-K"), (4, 27, "10-Q"), (7, 27, "10-Q"), (10, 27, "10-Q"))
_WITHIN = 15


def index(call: Call) -> dict[str, Any]:
    """`/stocks/filings/vX/index`."""
    rows = call.tape.remembered(("filings", call.today), lambda: list(_rows(call)))
    return list_answer(FILINGS, rows, pages.opened(call.query), f"{call.origin}{call.path}")


def _rows(call: Call) -> Iterator[dict[str, Any]]:
    today, data = call.today, call.tape.data
    for security in data.listed:
        if security.cik:
            for day, form in _reports(security, today):
                ticker = security.ticker_on(day)
                if ticker:
                    yield _row(security.key, security.cik, security.name, form, day, ticker)
    for offering in offerings(data, call.tape.seed, today):
        for day, form in _prospectuses(offering):
            if day <= today:
                ticker = offering.ticker if day >= offering.listing and offering.security else None
                yield _row(offering.key, offering.cik, offering.issuer, form, day, ticker)


def _reports(security: Security, today: date) -> Iterator[tuple[date, str]]:
    for year in range(FIRST_YEAR, today.year + 1):
        for month, day, form in _SEASONS:
            late = stable_hash(f"report:{security.key}:{year}:{month}") % _WITHIN
            filed = weekday(date(year, month, day) + timedelta(days=late))
            for at, kind in ((weekday(filed - timedelta(days=1)), "8-K"), (filed, form)):
                if at <= today:
                    yield at, kind


def _prospectuses(offering: Offering) -> Iterator[tuple[date, str]]:
    """A registration, its amendment, and on listing the exchange's form, the effect and the final prospectus."""
    between = (offering.listing - offering.announced).days
    yield offering.announced, "S-1"
    yield weekday(offering.announced + timedelta(days=between // 2)), "S-1/A"
    if offering.given_up:
        if not offering.postponed:
            yield offering.given_up, "RW"
        return
    yield weekday(offering.listing - timedelta(days=3)), "8-A12B"
    yield weekday(offering.listing - timedelta(days=1)), "EFFECT"
    if not offering.direct:
        yield offering.listing, "424B4"


def _row(key: str, cik: str, issuer: str, form: str, day: date, ticker: str | None) -> dict[str, Any]:
    chance = stable_hash(f"filing:{key}:{form}:{day}")
    number = f"{1_000_000 + chance % 1_000_000:010d}-{day:%y}-{chance // 1_000_000 % 1_000_000:06d}"
    row = {
        "accession_number": number,
        "cik": cik,
        "filing_date": day.isoformat(),
        "filing_url": f"https://www.sec.example/Archives/edgar/data/{int(cik)}/{number}.txt",
        "form_type": form,
        "issuer_name": issuer,
    }
    return row | ({"ticker": ticker} if ticker else {})
