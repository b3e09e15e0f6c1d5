"""Our calendars against other witnesses: a second library, hand-sourced facts, and recorded calendars.

`exchange_calendars` is a second opinion for New York, Tokyo and London. For XETR both libraries are one
implementation, and NASDAQ is one calendar with NYSE in both, so these two are also held against `special_days`.
"""

import csv
import json
import os
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd
import pytest

from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.core.calendars.session_calendar import FIRST_DAY, LAST_DAY, SessionCalendar, library_calendar
from tickstock_dagster_tests.core.calendars import special_days

EXCHANGES = ("NYSE", "NASDAQ", "TSE", "LSE", "XETR")
FROM, TO = date(2010, 1, 1), date(2027, 12, 31)

DIFFERENCES_2010_TO_2027: dict[str, dict[tuple[date, str], str]] = {name: {} for name in EXCHANGES}
"""(session, what differs) -> why. There are none."""

NEW_YORK_DIFFERENCES = {
    (date(2001, 9, 17), "open"): "opened 09:33 after two minutes of silence: first session after 11 September",
    (date(2001, 10, 8), "open"): "opened 09:31 after a minute of silence: start of the war in Afghanistan",
    (date(2002, 9, 11), "open"): "opened at 12:00: a year after 11 September 2001",
    (date(2003, 3, 20), "open"): "opened 09:32 after two minutes of silence: start of the war in Iraq",
    (date(2004, 6, 7), "open"): "opened 09:32 after two minutes of silence: death of President Reagan",
    (date(2006, 12, 27), "open"): "opened 09:32 after two minutes of silence: death of President Ford",
    (date(2005, 6, 1), "close"): "closed 15:56, four minutes early: a failure of the communication systems",
    (date(2005, 6, 1), "early close"): "the same failure",
}
"""exchange_calendars, and its recorded CSV, have the usual hours on these days; our library knows what happened."""

TOKYO_EQUINOXES = [
    *("2041-03-20", "2041-09-23", "2042-03-20", "2042-09-23", "2043-09-23", "2044-03-21", "2044-09-22"),
    *("2045-03-20", "2045-09-22", "2046-03-20", "2046-09-24", "2047-03-21", "2047-09-23", "2048-03-20"),
    *("2048-09-22", "2049-09-22", "2050-03-21", "2050-09-23"),
]
TOKYO_BETWEEN_HOLIDAYS = ["2043-09-22", "2049-09-21"]
TOKYO_DIFFERENCES = {
    **dict.fromkeys(TOKYO_EQUINOXES, "an equinox; the second library knows them until 2040"),
    **dict.fromkeys(TOKYO_BETWEEN_HOLIDAYS, "between Respect for the Aged Day and an equinox that it does not know"),
}
"""exchange_calendars has sessions on these days."""
OTHER_DIFFERENCES = {
    "NYSE": NEW_YORK_DIFFERENCES,
    "NASDAQ": NEW_YORK_DIFFERENCES,
    "TSE": {(date.fromisoformat(day), "session"): why for day, why in TOKYO_DIFFERENCES.items()},
}


def our_calendar(exchange: str) -> SessionCalendar:
    return library_calendar(market_named(exchange).calendar)


@cache
def second_library(mic: str) -> Any:
    return exchange_calendars.get_calendar(mic, start=str(FIRST_DAY), end=str(LAST_DAY))


def second_opinion(mic: str, start: date, end: date) -> dict[date, dict[str, Any]]:
    calendar = second_library(mic)
    early = {day.date() for day in calendar.early_closes}
    columns = {"open": "open", "close": "close", "break start": "break_start", "break end": "break_end"}
    table = calendar.schedule.loc[str(start) : str(end)]
    rows: dict[date, dict[str, Any]] = {day.date(): {"early close": day.date() in early} for day in table.index}
    for name, column in columns.items():
        for day, at in table[column].items():
            rows[day.date()][name] = None if pd.isna(at) else at.to_pydatetime()
    return rows


def our_opinion(calendar: SessionCalendar, start: date, end: date) -> dict[date, dict[str, Any]]:
    return {
        hours.session: {
            "early close": hours.is_early_close,
            "open": hours.opens_at,
            "close": hours.closes_at,
            "break start": hours.break_start,
            "break end": hours.break_end,
        }
        for hours in calendar.session_hours(start, end)
    }


def differences(ours: dict[date, dict[str, Any]], theirs: dict[date, dict[str, Any]]) -> set[tuple[date, str]]:
    found = {(day, "session") for day in ours.keys() ^ theirs.keys()}
    for day in ours.keys() & theirs.keys():
        found |= {(day, what) for what, value in theirs[day].items() if ours[day][what] != value}
    return found


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_sessions_and_hours_agree_with_the_second_library_from_2010_to_2027(exchange: str) -> None:
    theirs = second_opinion(market_named(exchange).mic, FROM, TO)
    assert len(theirs) > 4_300
    ours = our_opinion(our_calendar(exchange), FROM, TO)
    assert differences(ours, theirs) == set(DIFFERENCES_2010_TO_2027[exchange])


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_outside_of_those_years_every_difference_is_listed_and_explained(exchange: str) -> None:
    ours = our_opinion(our_calendar(exchange), FIRST_DAY, LAST_DAY)
    theirs = second_opinion(market_named(exchange).mic, FIRST_DAY, LAST_DAY)
    assert differences(ours, theirs) == set(OTHER_DIFFERENCES.get(exchange, {}))


def test_the_equinoxes_that_the_second_library_does_not_know_are_those_of_the_usual_formula() -> None:
    """Of the Japan Coast Guard's hydrographic department, for 1980 to 2099; a Sunday's holiday is kept on Monday."""
    closed = []
    for year in range(2041, LAST_DAY.year + 1):
        for month, day_of_1980 in ((3, 20.8431), (9, 23.2488)):
            since = year - 1980
            day = date(year, month, int(day_of_1980 + 0.242194 * since - since // 4))
            day += timedelta(days=day.weekday() == 6)
            closed += [str(day)] * (day.weekday() < 5)
    assert closed == TOKYO_EQUINOXES


def closed_weekdays(calendar: SessionCalendar) -> list[date]:
    days = (FROM + timedelta(days=n) for n in range((TO - FROM).days + 1))
    return [day for day in days if day.weekday() < 5 and not calendar.is_session(day)]


def early_closes(calendar: SessionCalendar) -> dict[date, time]:
    return {
        day: calendar.closes_at(day).astimezone(calendar.timezone).time()
        for day in calendar.sessions(FROM, TO)
        if calendar.is_early_close(day)
    }


def facts(listed: Iterable[special_days.Fact]) -> list[date]:
    return sorted(fact.day for fact in listed)


def test_nasdaq_is_closed_on_exactly_the_days_its_rules_name() -> None:
    assert closed_weekdays(our_calendar("NASDAQ")) == facts(special_days.NASDAQ_CLOSED)


def test_nasdaq_closes_at_one_on_exactly_the_days_its_rules_name() -> None:
    expected = dict.fromkeys(facts(special_days.NASDAQ_EARLY), special_days.NASDAQ_EARLY_CLOSE)
    assert early_closes(our_calendar("NASDAQ")) == expected


def test_xetra_is_closed_on_exactly_the_days_its_calendars_name() -> None:
    assert closed_weekdays(our_calendar("XETR")) == facts(special_days.XETRA_CLOSED)


def test_xetra_closes_at_two_on_exactly_the_last_session_of_each_year() -> None:
    expected = dict.fromkeys(facts(special_days.XETRA_EARLY), special_days.XETRA_LAST_SESSION_CLOSE)
    assert early_closes(our_calendar("XETR")) == expected


def test_the_hand_sourced_facts_name_no_day_twice_and_none_on_a_weekend() -> None:
    for listed in (
        special_days.NASDAQ_CLOSED + special_days.NASDAQ_EARLY,
        special_days.XETRA_CLOSED + special_days.XETRA_EARLY,
    ):
        named = facts(listed)
        assert len(named) == len(set(named))
        assert all(day.weekday() < 5 for day in named)


@pytest.fixture
def recorded() -> Path:
    folder = os.environ.get("TICKSTOCK_REAL_DATA")
    if not folder:
        pytest.fail("TICKSTOCK_REAL_DATA must name the folder that holds calendar_xnys/")
    return Path(folder) / "calendar_xnys"


@pytest.mark.real_data
def test_new_york_agrees_with_the_recorded_calendar(recorded: Path) -> None:
    with (recorded / "xnys.csv").open() as file:
        rows = {datetime.fromisoformat(row[""]).date(): row for row in csv.DictReader(file)}
    end = max(rows)
    theirs = {
        day: {name: datetime.fromisoformat(row[name]) for name in ("open", "close")}
        for day, row in rows.items()
        if day >= FIRST_DAY
    }
    assert end == date(2023, 1, 13)
    assert len(theirs) == 5_796
    expected = {key for key in NEW_YORK_DIFFERENCES if key[1] != "early close"}
    assert differences(our_opinion(our_calendar("NYSE"), FIRST_DAY, end), theirs) == expected


@pytest.mark.real_data
def test_new_york_agrees_with_the_recorded_holidays_and_early_closes_of_another_engine(recorded: Path) -> None:
    entry = json.loads((recorded / "lean_equity_usa_market_hours.json").read_text())["Equity-usa-[*]"]
    calendar, start, end = our_calendar("NYSE"), FIRST_DAY, date(2027, 12, 31)

    def days(names: Iterable[str]) -> set[date]:
        parsed = (date(int(year), int(month), int(day)) for month, day, year in (name.split("/") for name in names))
        return {day for day in parsed if start <= day <= end}

    weekdays = (start + timedelta(days=n) for n in range((end - start).days + 1))
    closed = {day for day in weekdays if day.weekday() < 5 and not calendar.is_session(day)}
    assert closed == {day for day in days(entry["holidays"]) if day.weekday() < 5}
    early = {day for day in calendar.sessions(start, end) if calendar.is_early_close(day)}
    a_sunday, failure = date(2017, 12, 24), date(2005, 6, 1)
    assert early ^ days(entry["earlyCloses"]) == {a_sunday, failure}
    assert {entry["earlyCloses"][name] for name in entry["earlyCloses"]} == {"13:00:00"}
    assert calendar.closes_at(date(2027, 11, 26)).astimezone(ZoneInfo("America/New_York")).time() == time(13)
