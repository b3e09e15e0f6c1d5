"""Our calendar lookups beside those of the two libraries, measured in one process. Prints a table, writes nothing.

    python -m benchmarks.calendar_lookups

Fails where one of our lookups by day takes more than a microsecond.

Each figure is the median of several batches; the day changes from call to call, so that no result comes from a cache.
pandas_market_calendars has no lookup by day; we call its `schedule()` for one day (for ten to find a neighbour).
Loading compares new processes: ours reads the snapshot of the library, the libraries compute.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from itertools import cycle
from typing import Any

import exchange_calendars
import pandas as pd
import pandas_market_calendars
from rich.console import Console
from rich.table import Table

from tickstock_dagster.core.calendars.library import FIRST_DAY, LAST_DAY, LIBRARY_NAMES
from tickstock_dagster.core.calendars.session_calendar import library_calendar

BUDGET = 1e-6
"""Seconds allowed for a lookup by day."""

DAYS = [date(2024, 1, 3) + timedelta(days=n) for n in range(0, 1_000, 7)]
LOADS = {
    "ours": "from tickstock_dagster.core.calendars.session_calendar import library_calendar; library_calendar('XNYS')",
    "pandas_market_calendars": "import pandas_market_calendars as library;"
    f"library.get_calendar('NYSE').schedule('{FIRST_DAY}', '{LAST_DAY}')",
    "exchange_calendars": "import exchange_calendars as library;"
    f"library.get_calendar('XNYS', start='{FIRST_DAY}', end='{LAST_DAY}').schedule",
}


def median_seconds(lookup: Callable[[Any], object], arguments: list[Any], calls: int, batches: int = 9) -> float:
    """Median seconds per call.

    Args:
        lookup: the function to measure.
        arguments: passed in turn, one per call.
        calls: calls per batch.
        batches: number of batches.
    """
    lookup(arguments[0])
    taken = []
    for _ in range(batches):
        batch = [argument for argument, _ in zip(cycle(arguments), range(calls), strict=False)]
        began = time.perf_counter()
        for argument in batch:
            lookup(argument)
        taken.append((time.perf_counter() - began) / calls)
    return statistics.median(taken)


def rows(key: str) -> list[tuple[str, float, float, float]]:
    """(question, ours, pandas_market_calendars, exchange_calendars), in seconds per call."""
    ours = library_calendar(key)
    theirs = pandas_market_calendars.get_calendar(LIBRARY_NAMES[key])
    second = exchange_calendars.get_calendar(key, start=str(FIRST_DAY), end=str(LAST_DAY))
    days = [ours.next_session(day) for day in DAYS]
    stamps = [pd.Timestamp(day) for day in days]
    instants = [ours.opens_at(day) + timedelta(hours=1) for day in days]
    minutes = [pd.Timestamp(at) for at in instants]

    def one_day(day: date) -> pd.DataFrame:
        schedule: pd.DataFrame = theirs.schedule(day, day)
        return schedule

    def next_in_a_week(day: date) -> object:
        return theirs.schedule(day + timedelta(days=1), day + timedelta(days=10)).index[0]

    def previous_in_a_week(day: date) -> object:
        return theirs.schedule(day - timedelta(days=10), day - timedelta(days=1)).index[-1]

    questions: list[tuple[str, Callable[[Any], object], Callable[[Any], object], Callable[[Any], object], bool]] = [
        ("is_session", ours.is_session, lambda day: not theirs.schedule(day, day).empty, second.is_session, False),
        ("next_session", ours.next_session, next_in_a_week, second.next_session, False),
        ("previous_session", ours.previous_session, previous_in_a_week, second.previous_session, False),
        ("closes_at", ours.closes_at, lambda day: one_day(day)["market_close"].iloc[0], second.session_close, False),
        (
            "is_open",
            ours.is_open,
            lambda at: theirs.open_at_time(one_day(at.date()), at),
            second.is_open_on_minute,
            True,
        ),
    ]
    return [
        (
            question,
            median_seconds(ask, instants if at_instant else days, 20_000),
            median_seconds(ask_first, minutes if at_instant else days, 20, 5),
            median_seconds(ask_second, minutes if at_instant else stamps, 2_000),
        )
        for question, ask, ask_first, ask_second, at_instant in questions
    ]


def load_seconds(program: str) -> float:
    """Median wall time of a new process that loads XNYS from its first day to its last, minus that of an empty one."""

    def once(text: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", text], check=True)
        return time.perf_counter() - began

    return statistics.median(once(program) - once("") for _ in range(5))


def main() -> int:
    """Measure and print."""
    console = Console(width=100)
    slow = []
    for key in LIBRARY_NAMES:
        table = Table("lookup", "ours µs", "pandas_market_calendars µs", "×", "exchange_calendars µs", "×", title=key)
        for question, ours, first, second in rows(key):
            if ours > BUDGET:
                slow.append(f"{key} {question}")
            figures = (f"{ours * 1e6:.2f}", f"{first * 1e6:,.0f}", f"{first / ours:,.0f}")
            table.add_row(question, *figures, f"{second * 1e6:.2f}", f"{second / ours:,.0f}")
        console.print(table)
    table = Table(f"new process, XNYS {FIRST_DAY.year}-{LAST_DAY.year}", "ms", "× ours", title="load")
    taken = {name: load_seconds(program) for name, program in LOADS.items()}
    for name, seconds in taken.items():
        table.add_row(name, f"{seconds * 1e3:,.0f}", f"{seconds / taken['ours']:,.1f}")
    console.print(table)
    if slow:
        console.print(f"above {BUDGET * 1e6:.0f} µs: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
