"""Bars of one day: the whole market's, the previous one, open and close of a ticker."""

from typing import Any

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.market.tape import Printed


def grouped(call: Call) -> dict[str, Any]:
    """`/v2/aggs/grouped/locale/us/market/stocks/{date}`."""
    day = wire.parse_day(call.parts["date"])
    call.entitled(day)
    adjusted = wire.parse_flag(call.query, "adjusted", True)
    bars = call.tape.of_day(day, call.view(adjusted))
    answer: dict[str, Any] = {"queryCount": len(bars), "resultsCount": len(bars), "adjusted": adjusted, "status": "OK"}
    if bars:
        stamp = wire.grouped_stamp(day)
        answer["results"] = [{"T": bar.ticker} | bar.fields | {"t": stamp} for bar in bars]
        answer["count"] = len(bars)
    return answer


def previous(call: Call) -> dict[str, Any]:
    """`/v2/aggs/ticker/{ticker}/prev`."""
    ticker = call.parts["ticker"]
    adjusted = wire.parse_flag(call.query, "adjusted", True)
    bar = call.tape.latest(ticker, call.view(adjusted))
    count = int(bar is not None)
    answer: dict[str, Any] = {"ticker": ticker, "queryCount": count, "resultsCount": count, "adjusted": adjusted}
    if bar is not None:
        answer["results"] = [{"T": ticker} | bar.fields | {"t": wire.grouped_stamp(bar.day)}]
        answer["count"] = 1
    return answer | {"status": "OK"}


def open_close(call: Call) -> dict[str, Any]:
    """`/v1/open-close/{ticker}/{date}`."""
    ticker, day = call.parts["ticker"], wire.parse_day(call.parts["date"])
    call.entitled(day)
    adjusted = wire.parse_flag(call.query, "adjusted", True)
    found = call.tape.of_ticker(ticker, day, day, call.view(adjusted))
    if not found:
        raise wire.not_found("Data not found.")
    return _flat(found[-1])


def _flat(bar: Printed) -> dict[str, Any]:
    fields = bar.fields
    return {
        "status": "OK",
        "from": bar.day.isoformat(),
        "symbol": bar.ticker,
        "open": fields["o"],
        "high": fields["h"],
        "low": fields["l"],
        "close": fields["c"],
        "volume": fields["v"],
        "afterHours": fields["c"],
        "preMarket": fields["o"],
    }
