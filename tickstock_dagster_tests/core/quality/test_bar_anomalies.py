"""Ordinary sessions and others, and how long each was traded."""

from datetime import date

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.judging.known_days import session_minutes, special_session

NYSE = library_calendar("XNYS")
HALF_DAY, MONDAY_AFTER = date(2026, 11, 27), date(2026, 11, 30)
FRIDAY = date(2026, 11, 20)


def test_half_days_and_sessions_after_a_holiday_are_special_and_weekends_are_not() -> None:
    assert special_session(NYSE, HALF_DAY) == "closes early, at 13:00 EST"
    assert special_session(NYSE, date(2026, 9, 8)) == "follows 2026-09-07, on which nothing traded"
    assert special_session(NYSE, date(2025, 1, 10)) == "follows 2025-01-09, on which nothing traded"
    assert special_session(NYSE, MONDAY_AFTER) == ""
    assert special_session(NYSE, FRIDAY) == ""


def test_a_half_day_is_traded_for_fewer_minutes_and_a_break_counts_for_none() -> None:
    assert session_minutes(NYSE, [HALF_DAY, MONDAY_AFTER]) == {HALF_DAY: 210.0, MONDAY_AFTER: 390.0}
    tokyo = library_calendar("XTKS")
    assert session_minutes(tokyo, [date(2023, 11, 20)]) == {date(2023, 11, 20): 300.0}
