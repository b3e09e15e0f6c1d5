"""Ranges in all timespans of the vendor: windows begin where its clocks say, and are made of days and minutes."""

from datetime import date, timedelta
from typing import Any

import pytest

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.endpoints.windows import merged, span_of, window_of
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import all_rows, ask, eastern_day


def bars_of(simulator: RunningSimulator, window: str, **query: Any) -> list[dict[str, Any]]:
    """AAPL's bars from 2026-09-02 to 2026-11-20."""
    return all_rows(simulator, f"/v2/aggs/ticker/AAPL/range/{window}/2026-09-02/2026-11-20", adjusted="false", **query)


@pytest.mark.parametrize(
    ("day", "timespan", "span"),
    [
        (date(2026, 11, 20), "day", (date(2026, 11, 20), date(2026, 11, 20))),
        (date(2026, 11, 20), "week", (date(2026, 11, 15), date(2026, 11, 21))),
        (date(2026, 11, 15), "week", (date(2026, 11, 15), date(2026, 11, 21))),
        (date(2024, 2, 29), "month", (date(2024, 2, 1), date(2024, 2, 29))),
        (date(2026, 11, 20), "quarter", (date(2026, 10, 1), date(2026, 12, 31))),
        (date(2026, 11, 20), "year", (date(2026, 1, 1), date(2026, 12, 31))),
    ],
)
def test_a_timespan_holds_its_days(day: date, timespan: str, span: tuple[date, date]) -> None:
    assert span_of(day, timespan) == span


@pytest.mark.parametrize(
    ("multiplier", "timespan", "first", "day", "start"),
    [
        (2, "day", date(2026, 11, 16), date(2026, 11, 19), date(2026, 11, 18)),
        (2, "week", date(2026, 11, 1), date(2026, 11, 20), date(2026, 11, 15)),
        (2, "month", date(2026, 9, 1), date(2026, 12, 24), date(2026, 11, 1)),
        (2, "quarter", date(2026, 1, 1), date(2026, 11, 20), date(2026, 7, 1)),
        (1, "year", date(2020, 1, 1), date(2026, 11, 20), date(2026, 1, 1)),
    ],
)
def test_several_timespans_in_a_bar_are_counted_from_the_first(
    multiplier: int, timespan: str, first: date, day: date, start: date
) -> None:
    assert window_of(wire.range_stamp(day), first, multiplier, timespan) == wire.range_stamp(start)


def test_nulls_count_for_nothing() -> None:
    rows = [
        {"o": None, "h": 3.0, "l": None, "c": 2.0, "v": 2.5, "t": 2},
        {"o": 1.0, "h": None, "c": None, "v": 1, "t": 1},
    ]
    assert merged(rows, 0) == {"o": 1.0, "h": 3.0, "c": 2.0, "v": 3.5, "t": 0}


@pytest.mark.parametrize("window", ["1/week", "2/week", "1/month", "1/quarter", "1/year", "3/day"])
def test_longer_bars_are_made_of_days(shared: RunningSimulator, window: str) -> None:
    multiplier, _, timespan = window.partition("/")
    bars = bars_of(shared, window)
    first = span_of(date(2026, 9, 2), timespan)[0]
    days = [
        row
        for row in all_rows(shared, f"/v2/aggs/ticker/AAPL/range/1/day/{first}/2026-11-20", adjusted="false")
        if eastern_day(row["t"]) >= first
    ]
    assert [bar["t"] for bar in bars] == sorted({window_of(row["t"], first, int(multiplier), timespan) for row in days})
    assert sum(bar["v"] for bar in bars) == pytest.approx(sum(row["v"] for row in days))
    assert (bars[0]["o"], bars[-1]["c"]) == (days[0]["o"], days[-1]["c"])
    assert max(bar["h"] for bar in bars) == max(row["h"] for row in days)


@pytest.mark.parametrize(("window", "limit"), [("1/week", 7), ("1/month", 30), ("1/quarter", 1), ("5/minute", 333)])
def test_pages_cut_no_bar_in_two_and_lose_none(shared: RunningSimulator, window: str, limit: int) -> None:
    span = "2026-11-19/2026-11-20" if "minute" in window else "2026-09-02/2026-11-20"
    path = f"/v2/aggs/ticker/AAPL/range/{window}/{span}"
    whole = ask(shared, path, limit=50_000).rows
    first = ask(shared, path, limit=limit)
    assert first.json["queryCount"] <= limit
    if limit > 1:  # else a page holds a part of a bar, since it holds one day
        assert all_rows(shared, path, limit=limit) == whole
        assert all_rows(shared, path, limit=limit, sort="desc") == whole[::-1]


def test_hours_and_seconds_are_made_of_minutes(shared: RunningSimulator) -> None:
    path = "/v2/aggs/ticker/AAPL/range/{}/2026-11-20/2026-11-20"
    minutes = ask(shared, path.format("1/minute")).rows
    for window, size in (("1/hour", 3_600_000), ("30/minute", 1_800_000), ("1/second", 1_000)):
        bars = ask(shared, path.format(window), limit=50_000).rows
        assert all(bar["t"] % size == 0 for bar in bars)
        assert sum(bar["v"] for bar in bars) == sum(row["v"] for row in minutes)
        assert bars[-1]["c"] == minutes[-1]["c"]
    hours = ask(shared, path.format("1/hour")).rows
    assert len(hours) == 7
    assert hours[0]["t"] == minutes[0]["t"] - timedelta(minutes=30) / timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("0/day/2026-11-19/2026-11-20", "'multiplier'"),
        ("1/decade/2026-11-19/2026-11-20", "'timespan'"),
        (
            "1/day/yesterday/2026-11-20",
            "Could not parse the time parameter: 'from'. Use YYYY-MM-DD or Unix MS Timestamps",
        ),
        ("1/day/2026-11-19/20261120", "Could not parse the time parameter: 'to'. Use YYYY-MM-DD or Unix MS Timestamps"),
    ],
)
def test_what_is_no_range_is_refused(shared: RunningSimulator, window: str, words: str) -> None:
    reply = ask(shared, f"/v2/aggs/ticker/AAPL/range/{window}")
    assert reply.status == 400
    assert words in reply.json["error"]
