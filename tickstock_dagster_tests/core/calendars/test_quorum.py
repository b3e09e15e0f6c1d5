"""Where a witness differs from the calendar in force, in which words, and what is no difference."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.calendars.overrides import CalendarOverride
from tickstock_dagster.core.calendars.quorum import (
    ORDINARY,
    Disagreement,
    WitnessAccount,
    closed_days_before,
    disagreements,
    session_words,
    special_words,
)
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import is_silent

XNYS = library_calendar("XNYS")
WED, THANKSGIVING, HALF_DAY = date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 27)
FIRST, LAST = date(2026, 11, 23), date(2026, 11, 30)


def sessions(without: date | None = None, **words: str) -> WitnessAccount:
    days = {hours.session: session_words(XNYS, hours) for hours in XNYS.session_hours(FIRST, LAST)}
    days |= {date.fromisoformat(day.removeprefix("d").replace("_", "-")): text for day, text in words.items()}
    return WitnessAccount("second", FIRST, LAST, {day: text for day, text in days.items() if day != without})


def special(**words: str) -> WitnessAccount:
    days = {THANKSGIVING: "closed", HALF_DAY: "closes at 13:00"}
    days |= {date.fromisoformat(day.removeprefix("d").replace("_", "-")): text for day, text in words.items()}
    return WitnessAccount("vendor", FIRST, LAST, {day: text for day, text in days.items() if text}, ORDINARY)


def test_words_are_on_the_exchanges_clocks() -> None:
    assert session_words(XNYS, XNYS.hours_of(HALF_DAY)) == "09:30–13:00"
    assert session_words(XNYS, None) == special_words(XNYS, None) == "closed"
    assert special_words(XNYS, datetime(2026, 11, 27, 18, tzinfo=UTC)) == "closes at 13:00"


def test_who_agrees_is_not_heard_of() -> None:
    assert disagreements(XNYS, sessions()) == []
    assert disagreements(XNYS, special()) == [], "weekends are no special days"


@pytest.mark.parametrize(
    ("account", "found"),
    [
        (sessions(without=WED), Disagreement("XNYS", WED, "second", "09:30–16:00", "closed")),
        (sessions(d2026_11_26="09:30–16:00"), Disagreement("XNYS", THANKSGIVING, "second", "closed", "09:30–16:00")),
        (sessions(d2026_11_27="09:30–16:00"), Disagreement("XNYS", HALF_DAY, "second", "09:30–13:00", "09:30–16:00")),
        (special(d2026_11_25="closed"), Disagreement("XNYS", WED, "vendor", "an ordinary session", "closed")),
        (special(d2026_11_26=""), Disagreement("XNYS", THANKSGIVING, "vendor", "closed", "an ordinary session")),
        (
            special(d2026_11_27="closes at 14:00"),
            Disagreement("XNYS", HALF_DAY, "vendor", "closes at 13:00", "closes at 14:00"),
        ),
        (special(d2026_11_28="closed"), None),
    ],
)
def test_each_kind_of_difference_is_found_once(account: WitnessAccount, found: Disagreement | None) -> None:
    assert disagreements(XNYS, account) == ([found] if found else [])


def test_where_an_override_decides_the_difference_is_marked() -> None:
    closed = CalendarOverride("XNYS", WED, "remove", reason="mourning")
    [found] = disagreements(XNYS.with_overrides([closed]), sessions(), frozenset({WED}))
    assert found == Disagreement("XNYS", WED, "second", "closed", "09:30–16:00", True)


@given(st.dates(date(2010, 1, 4), date(2028, 1, 1)), st.integers(0, 60), st.sampled_from(["XNYS", "XTKS", "XLON"]))
def test_a_calendar_agrees_with_its_own_words(first: date, length: int, key: str) -> None:
    calendar, last = library_calendar(key), first + timedelta(days=length)
    words = {hours.session: session_words(calendar, hours) for hours in calendar.session_hours(first, last)}
    assert disagreements(calendar, WitnessAccount("itself", first, last, words)) == []


@pytest.mark.parametrize(
    ("counts", "silent"),
    [((100, 0, 0), True), ((100, 5, 0), True), ((100, 6, 0), False), ((100, 0, 100), False), ((0, 0, 0), False)],
)
def test_a_session_is_in_doubt_when_hardly_any_bar_that_is_due_came(counts: tuple[int, int, int], silent: bool) -> None:
    expected, stored, final = counts
    assert is_silent(Completeness(WED, expected, stored, final, expected - stored - final)) is silent


def test_where_nothing_is_tracked_nothing_is_in_doubt() -> None:
    assert not is_silent(None)


def test_the_closed_days_before_a_session_are_those_since_the_one_before() -> None:
    assert closed_days_before(XNYS, HALF_DAY) == [THANKSGIVING]
    assert closed_days_before(XNYS, date(2026, 11, 30)) == [date(2026, 11, 28), date(2026, 11, 29)]
    assert closed_days_before(XNYS, WED) == []
