"""Snapshots of many tickers, with the fair market value where the plan includes it: now only, without history."""

from datetime import date, timedelta
from typing import Any

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.endpoints import market_status
from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.http.pages import ListShape
from tickstock_dagster.simulator.market.tape import Printed

MAX_TICKERS = 250
SNAPSHOTS = ListShape({"ticker": pages.text}, ("ticker",), "ticker.asc", 10, MAX_TICKERS, new_style=False, tie="ticker")
_MARKET = "SPY"
_DECIMALS = 4
_LOOKS_BACK = timedelta(days=30)


def snapshots(call: Call) -> dict[str, Any]:
    """`/v3/snapshot` in pages: of the tickers in `ticker.any_of`, else of all that trade and fit the parameters.

    A ticker that was asked for by name and is not known is a row with an error.
    """
    query = pages.opened(call.query)
    named = query.get("ticker.any_of") or query.get("ticker") or ""
    tickers = {name for name in named.split(",") if name}
    if len(tickers) > MAX_TICKERS:
        raise wire.bad_request(f"The parameter 'ticker.any_of' must name 1 to {MAX_TICKERS} tickers")
    [(_, descending)] = pages.sorting(SNAPSHOTS, query)
    limit, offset = wire.parse_limit(query, SNAPSHOTS.default_limit, SNAPSHOTS.max_limit), pages.offset_of(query)
    asked = pages.conditions(SNAPSHOTS, _ranges(query))
    if not tickers:
        tickers = {ticker for one in call.tape.data.securities if (ticker := one.ticker_on(call.today))}
    if query.get("type", "stocks") != "stocks":
        tickers = set()
    chosen = sorted((name for name in tickers if pages.keeps({"ticker": name}, asked)), reverse=descending)
    answer = {"results": [_row(call, ticker) for ticker in chosen[offset : offset + limit]], "status": "OK"}
    if offset + limit < len(chosen):
        cursor = pages.cursor_for(query, offset + limit, new_style=False)
        answer["next_url"] = f"{call.origin}{call.path}?cursor={cursor}"
    return answer


def _ranges(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name.startswith(("ticker.g", "ticker.l"))}


def _row(call: Call, ticker: str) -> dict[str, Any]:
    held = [one for one in call.tape.data.holders(ticker) if one.ticker_on(call.today) == ticker]
    if not held:
        return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
    row: dict[str, Any] = {"ticker": ticker, "type": "stocks", "name": held[0].name, "timeframe": "REAL-TIME"}
    row["market_status"] = market_status.now(call)["market"]
    last = call.tape.latest(ticker, call.view(adjusted=False))
    if last is None:
        return row
    row["session"] = _session(call, ticker, last)
    if call.plan.fmv:
        row["fmv"] = _value(call, last)
        row["fmv_last_updated"] = int(call.now.timestamp()) * 10**9
    return row


def _session(call: Call, ticker: str, last: Printed) -> dict[str, Any]:
    """The day's figures: all but the volume are required by the vendor's schema where there is a session."""
    before = call.tape.of_ticker(
        ticker, last.day - _LOOKS_BACK, last.day - timedelta(days=1), call.view(adjusted=False)
    )
    fields = last.fields
    close, previous = float(fields["c"] or 0), float((before[-1] if before else last).fields["c"] or 0)
    return {
        "change": round(close - previous, _DECIMALS),
        "change_percent": round(100 * (close - previous) / previous, _DECIMALS) if previous else 0.0,
        "close": close,
        "high": fields["h"],
        "low": fields["l"],
        "open": fields["o"],
        "previous_close": previous,
        "volume": fields["v"],
        "decimal_volume": str(fields["v"]),
    }


def _value(call: Call, last: Printed) -> float:
    """The last close, moved as the market has moved since: a stand-in for the vendor's unpublished method."""
    market = call.tape.of_ticker(_MARKET, last.day, call.today + timedelta(days=1), call.view(adjusted=False))
    closes: dict[date, Any] = {bar.day: bar.fields["c"] for bar in market}
    moved = closes[max(closes)] / closes[last.day] if last.day in closes else 1.0
    return round(float(last.fields["c"] or 0) * moved, _DECIMALS)
