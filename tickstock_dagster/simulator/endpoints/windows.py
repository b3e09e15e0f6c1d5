"""Bars of other windows than one day and one minute, made of those: 5 minutes, an hour, a week, a quarter.

Windows begin in US Eastern time: days at midnight, weeks on Sunday, quarters and years on their first day. Several of
them in one bar are counted from the one that holds the first requested day.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from tickstock_dagster.simulator import wire

SECONDS = {"second": 1, "minute": 60, "hour": 3_600}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
TIMESPANS = (*SECONDS, "day", "week", *MONTHS)
PLAIN = ("second", "minute", "day")
"""Timespans that the market itself has; all others are made of them."""

_DECIMALS = 4
_SECOND_TRADES = (("o", 0), ("h", 17), ("l", 34), ("c", 51))
"""Prices that a minute prints, and the seconds in which it does."""

Row = dict[str, Any]


def span_of(day: date, timespan: str) -> tuple[date, date]:
    """The first and last day of the week, month, quarter or year that holds a day; else the day itself."""
    if timespan == "week":
        first = day - timedelta(days=(day.weekday() + 1) % 7)
        return first, first + timedelta(days=6)
    months = MONTHS.get(timespan)
    if months is None:
        return day, day
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    return first, _months_later(first, months) - timedelta(days=1)


def window_of(stamp: int, first: date, multiplier: int, timespan: str) -> int:
    """The start of the window that holds a bar, in Unix ms.

    Args:
        stamp: start of the bar, Unix ms.
        first: first requested day, widened by `span_of`.
        multiplier: timespans in a window.
        timespan: one of `TIMESPANS`.
    """
    day = wire.stamp_day(stamp)
    seconds = SECONDS.get(timespan)
    if seconds is not None:
        midnight, size = wire.range_stamp(day), seconds * multiplier * 1_000
        return midnight + (stamp - midnight) // size * size
    months = MONTHS.get(timespan)
    if months is not None:
        passed = ((day.year - first.year) * 12 + day.month - first.month) // (months * multiplier)
        return wire.range_stamp(_months_later(first, passed * months * multiplier))
    length = (7 if timespan == "week" else 1) * multiplier
    return wire.range_stamp(first + timedelta(days=(day - first).days // length * length))


def windows(rows: Sequence[Row], first: date, multiplier: int, timespan: str) -> list[list[Row]]:
    """Bars, in either order, by the window that they belong to."""
    return [list(group) for _, group in groupby(rows, key=lambda row: window_of(row["t"], first, multiplier, timespan))]


def merged(rows: Sequence[Row], start: int) -> Row:
    """One bar of several, ascending or descending ones; nulls count for nothing."""
    rows = sorted(rows, key=lambda row: int(row["t"]))

    def of(name: str) -> list[Any]:
        return [row[name] for row in rows if row.get(name) is not None]

    shares = sum(of("v"))
    weighed = sum(row["vw"] * row["v"] for row in rows if row.get("vw") is not None and row.get("v"))
    bar: Row = {
        "v": round(shares, 6) if isinstance(shares, float) else shares,
        "vw": round(weighed / shares, _DECIMALS) if shares and weighed else None,
        "o": next(iter(of("o")), None),
        "c": next(reversed(of("c")), None),
        "h": max(of("h"), default=None),
        "l": min(of("l"), default=None),
        "t": start,
        "n": sum(of("n")) or None,
    }
    return {name: value for name, value in bar.items() if value is not None}


def seconds_of(minutes: Iterable[Row]) -> Iterator[Row]:
    """Bars of one second: each minute's four prices print at seconds of their own, with its shares among them."""
    for row in minutes:
        shares = int(row["v"] or 0)
        for place, (name, second) in enumerate(_SECOND_TRADES):
            part = shares // len(_SECOND_TRADES) + (place < shares % len(_SECOND_TRADES))
            if part:
                price = row[name]
                stamp = row["t"] + second * 1_000
                yield {"v": part, "vw": price, "o": price, "c": price, "h": price, "l": price, "t": stamp, "n": 1}


def _months_later(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
