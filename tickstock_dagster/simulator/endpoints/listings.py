"""Tickers: the list, details of one, renames, type codes, exchanges."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Any

from tickstock_dagster.core.loading.vendor_plans import PlanName
from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.clock import EASTERN
from tickstock_dagster.simulator.endpoints import rough
from tickstock_dagster.simulator.endpoints.company import company_facts
from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.http.pages import ListShape, list_answer
from tickstock_dagster.simulator.market.securities import Security
from tickstock_dagster.simulator.market.sessions import FIRST_DAY

TICKERS = ListShape(
    filters={"ticker": pages.text, "type": pages.text, "market": pages.text, "exchange": pages.text, "cik": pages.text},
    sorts=(
        "ticker", "name", "market", "locale", "primary_exchange", "type", "currency_symbol", "currency_name",
        "base_currency_symbol", "base_currency_name", "cik", "composite_figi", "share_class_figi",
        "last_updated_utc", "delisted_utc",
    ),
    default_sort="ticker.asc",
    default_limit=100,
    max_limit=1_000,
    new_style=False,
    tie="composite_figi",
    legacy="ListTickers",
)  # fmt: skip

_MIDNIGHT_EASTERN_UNTIL = date(2020, 1, 1)
"""Older values of `delisted_utc` are midnight in New York, newer ones midnight UTC: the UTC date is right for both."""

_CLOSE_WITHIN = timedelta(days=10)

TYPES = {
    "CS": "Common Stock", "PFD": "Preferred Stock", "WARRANT": "Warrant", "RIGHT": "Rights", "BOND": "Corporate Bond",
    "ETF": "Exchange Traded Fund", "ETN": "Exchange Traded Note", "ETV": "Exchange Traded Vehicle",
    "SP": "Structured Product", "ADRC": "American Depository Receipt Common",
    "ADRW": "American Depository Receipt Warrants", "ADRR": "American Depository Receipt Rights", "FUND": "Fund",
    "BASKET": "Basket", "UNIT": "Unit", "LT": "Liquidating Trust", "OTHER": "Other Security Type",
}  # fmt: skip

# id, kind, name, acronym, MIC, operating MIC, participant
EXCHANGES = (
    (1, "exchange", "NYSE American, LLC", "AMEX", "XASE", "XNYS", "A"),
    (10, "exchange", "New York Stock Exchange", "NYSE", "XNYS", "XNYS", "N"),
    (11, "exchange", "NYSE Arca, Inc.", None, "ARCX", "XNYS", "P"),
    (12, "exchange", "Nasdaq", None, "XNAS", "XNAS", "T"),
    (15, "exchange", "Investors' Exchange", "IEX", "IEXG", "IEXG", "V"),
    (19, "exchange", "Cboe BZX", None, "BATS", "XCBO", "Z"),
    (4, "TRF", "FINRA NYSE TRF", None, "FINY", "XNYS", "D"),
    (4, "TRF", "FINRA Nasdaq TRF Carteret", None, "FINN", "FINR", "D"),
    (5, "SIP", "Unlisted Trading Privileges", "UTP", None, "XNAS", "E"),
)


def _row(security: Security, ticker: str, on: date) -> dict[str, Any]:
    """One security's row of the ticker list as of `on`; unknown fields are absent."""
    delisted = security.delisted_on if security.delisted_on and security.delisted_on <= on else None
    row = {
        "ticker": ticker,
        "name": security.name,
        "market": "stocks",
        "locale": "us",
        "primary_exchange": security.exchange,
        "type": security.equity_type,
        "active": delisted is None,
        "currency_name": "usd",
        "cik": security.cik,
        "composite_figi": security.composite_figi,
        "share_class_figi": security.share_class_figi,
        "last_updated_utc": f"{on.isoformat()}T00:00:00Z",
        "delisted_utc": _delisted_instant(delisted) if delisted else None,
    }
    return {name: value for name, value in row.items() if value is not None}


def _delisted_instant(day: date) -> str:
    if day >= _MIDNIGHT_EASTERN_UNTIL:
        return f"{day.isoformat()}T00:00:00Z"
    hours = -int(datetime.combine(day, time(0), EASTERN).strftime("%z")) // 100
    return f"{day.isoformat()}T{hours:02d}:00:00Z"


def _requested_day(call: Call, query: Mapping[str, str]) -> date:
    """The day of the requested list; on the free plan lists reach back as far as its bars."""
    if not query.get("date"):
        return call.today
    day = wire.parse_day(query["date"])
    if call.plan.name is PlanName.FREE:
        call.entitled(min(day, call.today - timedelta(days=1)))
    return day


def tickers(call: Call) -> dict[str, Any]:
    """`/v3/reference/tickers`: as of `date`, the active ones (default) or the delisted ones."""
    query = pages.opened(call.query)
    on = _requested_day(call, query)
    active = wire.parse_flag(query, "active", True)
    wanted = query.get("search", "").lower()
    rows = call.tape.remembered(("tickers", on, active), lambda: _rows(call, on, active))
    if wanted:
        rows = [row for row in rows if wanted in row["ticker"].lower() or wanted in row["name"].lower()]
    answer = list_answer(TICKERS, rows, query, f"{call.origin}{call.path}")
    answer["results"] = [{name: row[name] for name in row if name != "exchange"} for row in answer["results"]]
    return answer


def _rows(call: Call, on: date, active: bool) -> list[dict[str, Any]]:
    """The whole list of a day by ticker, with the additional field `exchange`, by which requests filter the venue."""
    rows = []
    for security in call.tape.data.listed:
        if active:
            ticker = security.ticker_on(on)
        else:
            ticker = security.last_ticker if security.delisted_on and security.delisted_on <= on else None
        if ticker:
            row = rough.row_of(call, security, _row(security, ticker, on)) if active else _row(security, ticker, on)
            rows.append(row | {"exchange": security.exchange})
    rows += rough.odd_rows(call, on) if active else []
    return sorted(rows, key=lambda row: str(row["ticker"]))


def details(call: Call) -> dict[str, Any]:
    """`/v3/reference/tickers/{ticker}`: the security that holds the ticker on `date` (default today)."""
    ticker = call.parts["ticker"]
    on = _requested_day(call, call.query)
    holder = next((found for found in call.tape.data.listed_holders(ticker) if found.ticker_on(on) == ticker), None)
    if holder is None:
        raise wire.not_found("Ticker not found.")
    shares = call.tape.data.shares_on(holder, on)
    known = rough.row_of(call, holder, _row(holder, ticker, on)) | {
        "list_date": holder.list_date.isoformat() if holder.list_date else None,
        "share_class_shares_outstanding": shares,
        "weighted_shares_outstanding": shares if holder.equity_type == "CS" else None,
        "market_cap": holder.market_cap or _market_cap(call, holder, ticker, on, shares),
        "sic_code": holder.sic[0] if holder.sic else None,
        "sic_description": holder.sic[1] or None if holder.sic else None,
        "round_lot": 100,
        "ticker_root": ticker.partition(".")[0],
        "ticker_suffix": ticker.partition(".")[2] or None,
        "description": f"{holder.name} is listed in the United States.",
        "homepage_url": f"https://www.{ticker.partition('.')[0].lower()}.example",
        **company_facts(holder, call.origin),
    }
    return {"results": {name: value for name, value in known.items() if value is not None}, "status": "OK"}


def _market_cap(call: Call, holder: Security, ticker: str, on: date, shares: int | None) -> float | None:
    """Shares of that day times the raw close of `on` or of the last session before it."""
    if holder.equity_type != "CS" or not shares:
        return None
    bars = call.tape.of_ticker(ticker, on - _CLOSE_WITHIN, on, call.view(adjusted=False))
    close = bars[-1].fields["c"] if bars else None
    return None if close is None else round(close * shares, 2)


def events(call: Call) -> dict[str, Any]:
    """`/vX/reference/tickers/{id}/events`: `id` is a composite FIGI, or a ticker, which stands for its holder now."""
    wanted, data = call.parts["id"], call.tape.data
    by_ticker = (found for found in data.listed_holders(wanted) if found.ticker_on(call.today) == wanted)
    by_figi = (found for found in data.listed if found.composite_figi == wanted)
    holder = next(chain(by_ticker, by_figi), None)
    if holder is None:
        raise wire.not_found("Ticker not found.")
    changes = [
        {
            "type": "ticker_change",
            "date": max(span.first, FIRST_DAY).isoformat(),
            "ticker_change": {"ticker": span.ticker},
        }
        for span in reversed(holder.spans)
        if span.first <= call.today
    ]
    results = {"name": holder.name, "composite_figi": holder.composite_figi, "cik": holder.cik, "events": changes}
    return {"results": {name: value for name, value in results.items() if value is not None}, "status": "OK"}


def types(call: Call) -> dict[str, Any]:
    """`/v3/reference/tickers/types`."""
    if not _of_us_stocks(call):
        return {"results": [], "status": "OK", "count": 0}
    rows = [
        {"code": code, "description": words, "asset_class": "stocks", "locale": "us"} for code, words in TYPES.items()
    ]
    return {"results": rows, "status": "OK", "count": len(rows)}


def exchanges(call: Call) -> dict[str, Any]:
    """`/v3/reference/exchanges`; the vendor's `id` is not unique."""
    if not _of_us_stocks(call):
        return {"results": [], "status": "OK", "count": 0}
    names = ("id", "type", "name", "acronym", "mic", "operating_mic", "participant_id")
    rows = [
        {name: value for name, value in zip(names, exchange, strict=True) if value is not None}
        | {"asset_class": "stocks", "locale": "us"}
        for exchange in EXCHANGES
    ]
    return {"results": rows, "status": "OK", "count": len(rows)}


def _of_us_stocks(call: Call) -> bool:
    """Whether a request is about US stocks, or about all that there is."""
    return (call.query.get("asset_class") or "stocks", call.query.get("locale") or "us") == ("stocks", "us")
