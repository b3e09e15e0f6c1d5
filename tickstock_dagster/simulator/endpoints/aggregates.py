"""Bars: custom range, grouped day, previous day, open and close of a day."""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.market.minutes import minute_rows
from tickstock_dagster.simulator.market.tape import Printed

_DEFAULT_LIMIT, _MAX_LIMIT = 5_000, 50_000
_MILLISECONDS = 12
"""A `from` or `to` with at least this many digits is a Unix time in milliseconds; a date has dashes."""


def bound(text: str, name: str) -> date:
    """`from` or `to` of a range as a date in New York; raises a 400 refusal where it is neither date nor time."""
    if text.isdigit() and len(text) >= _MILLISECONDS:
        return wire.stamp_day(int(text))
    return wire.parse_day(text, name)


def range_bars(call: Call) -> dict[str, Any]:
    """`/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}`, of 1 day or 1 minute."""
    query = pages.opened(call.query)
    ticker, timespan = call.parts["ticker"], call.parts["timespan"]
    first, last = bound(call.parts["from"], "from"), bound(call.parts["to"], "to")
    call.entitled(first)
    if last < first:
        raise wire.bad_request("The parameter 'to' cannot be a time that occurs before 'from'")
    if call.parts["multiplier"] != "1" or timespan not in ("day", "minute"):
        raise wire.bad_request("The simulator serves bars of 1 day and of 1 minute")
    adjusted = wire.parse_flag(query, "adjusted", True)
    order = query.get("sort") or "asc"
    if order not in ("asc", "desc"):
        raise wire.bad_request(f"The parameter 'sort' must be asc or desc, not '{order}'")
    limit = wire.parse_limit(query, _DEFAULT_LIMIT, _MAX_LIMIT)
    offset = pages.offset_of(query)

    bars = call.tape.of_ticker(ticker, first, last, call.view(adjusted))
    if order == "desc":
        bars.reverse()
    if timespan == "day":
        page = [bar.fields | {"t": wire.range_stamp(bar.day)} for bar in bars[offset : offset + limit]]
        more = offset + limit < len(bars)
    else:
        minutes = _minutes(call, bars, order)
        page = list(islice(minutes, offset, offset + limit))
        more = next(minutes, None) is not None
    answer: dict[str, Any] = {
        "ticker": ticker,
        "adjusted": adjusted,
        "queryCount": len(page),
        "resultsCount": len(page),
    }
    if page:
        answer["results"] = page
        answer["count"] = len(page)
    answer["status"] = "OK"
    if more:
        cursor = pages.cursor_for(query, offset + limit, new_style=False)
        here = f"/v2/aggs/ticker/{ticker}/range/1/{timespan}/{wire.range_stamp(first)}/{call.parts['to']}"
        answer["next_url"] = f"{call.origin}{here}?cursor={cursor}"
    return answer


def _minutes(call: Call, bars: list[Printed], order: str) -> Iterator[dict[str, Any]]:
    for bar in bars:
        rows = list(minute_rows(bar, call.tape.calendar))
        yield from reversed(rows) if order == "desc" else rows


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


def days_of(parts: dict[str, str]) -> tuple[date, date] | None:
    """The first and last day that a path of bars names, for faults; None where it names none or they are not dates."""
    try:
        if "date" in parts:
            day = wire.parse_day(parts["date"])
            return day, day
        if "from" in parts:
            return bound(parts["from"], "from"), bound(parts["to"], "to")
    except wire.Refusal:
        return None
    return None
