"""Bars of one ticker over a range of days, in any of the vendor's timespans."""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.endpoints.windows import (
    PLAIN,
    SECONDS,
    TIMESPANS,
    merged,
    seconds_of,
    span_of,
    window_of,
    windows,
)
from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.market.minutes import minute_rows
from tickstock_dagster.simulator.market.tape import Printed

_DEFAULT_LIMIT, _MAX_LIMIT = 5_000, 50_000
_MAX_MULTIPLIER = 10_000
_ISO_LENGTH = 10
_MILLISECONDS = 12
"""A `from` or `to` with at least this many digits is a Unix time in milliseconds; a date has dashes."""


def bound(text: str, name: str) -> date:
    """`from` or `to` of a range as a date in New York; raises a 400 refusal where it is neither date nor time."""
    if text.isdigit() and len(text) >= _MILLISECONDS:
        return wire.stamp_day(int(text))
    try:
        return date.fromisoformat(text if len(text) == _ISO_LENGTH else "")
    except ValueError:
        raise wire.bad_request(
            f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps"
        ) from None


def range_bars(call: Call) -> dict[str, Any]:
    """`/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}`.

    `limit` counts the days or minutes that bars are made of; a bar that would be cut by it is left to the next page.
    """
    query = pages.opened(call.query)
    ticker, timespan = call.parts["ticker"], call.parts["timespan"]
    first, last = bound(call.parts["from"], "from"), bound(call.parts["to"], "to")
    call.entitled(first)
    if last < first:
        raise wire.bad_request("The parameter 'to' cannot be a time that occurs before 'from'")
    multiplier = _multiplier(call.parts["multiplier"])
    if timespan not in TIMESPANS:
        raise wire.bad_request(f"The parameter 'timespan' must be one of {', '.join(TIMESPANS)}, not '{timespan}'")
    adjusted = wire.parse_flag(query, "adjusted", True)
    order = query.get("sort") or "asc"
    if order not in ("asc", "desc"):
        raise wire.bad_request(f"The parameter 'sort' must be asc or desc, not '{order}'")
    limit = wire.parse_limit(query, _DEFAULT_LIMIT, _MAX_LIMIT)
    offset = pages.offset_of(query)

    first, last = span_of(first, timespan)[0], span_of(last, timespan)[1]
    bars = call.tape.of_ticker(ticker, first, last, call.view(adjusted))
    if order == "desc":
        bars.reverse()
    base = list(islice(_base(call, bars, timespan, order), offset, offset + limit + 1))
    if multiplier == 1 and timespan in PLAIN:
        page, used = base[:limit], len(base[:limit])
    else:
        groups = windows(base, first, multiplier, timespan)
        if len(base) > limit:
            groups = windows(base[:limit], first, multiplier, timespan) if len(groups) == 1 else groups[:-1]
        used = sum(len(group) for group in groups)
        page = [merged(group, window_of(group[0]["t"], first, multiplier, timespan)) for group in groups]
    answer: dict[str, Any] = {
        "ticker": ticker,
        "adjusted": adjusted,
        "queryCount": used,
        "resultsCount": len(page),
    }
    if page:
        answer["results"] = page
        answer["count"] = len(page)
    answer["status"] = "OK"
    if len(base) > used:
        cursor = pages.cursor_for(query, offset + used, new_style=False)
        window = f"{multiplier}/{timespan}/{wire.range_stamp(first)}/{call.parts['to']}"
        answer["next_url"] = f"{call.origin}/v2/aggs/ticker/{ticker}/range/{window}?cursor={cursor}"
    return answer


def _multiplier(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_MULTIPLIER:
        raise wire.bad_request(f"The parameter 'multiplier' must be between 1 and {_MAX_MULTIPLIER}, not '{text}'")
    return int(text)


def _base(call: Call, bars: list[Printed], timespan: str, order: str) -> Iterator[dict[str, Any]]:
    """The days, minutes or seconds that the requested bars are made of, in the requested order."""
    for bar in bars:
        if timespan not in SECONDS:
            yield bar.fields | {"t": wire.range_stamp(bar.day)}
            continue
        minutes = minute_rows(bar, call.tape.calendar)
        rows = list(seconds_of(minutes) if timespan == "second" else minutes)
        yield from reversed(rows) if order == "desc" else rows


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
