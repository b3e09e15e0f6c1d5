"""What the exchanges have published themselves, and how far the computed years after it reach."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from tickstock_dagster.core.calendars.markets import CALENDARS
from tickstock_dagster.core.calendars.publication import published_until
from tickstock_dagster.core.calendars.session_calendar import FIRST_DAY, LAST_DAY, library_calendar
from tickstock_dagster.core.errors import BadInputError

ANNOUNCED = {
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
    2028: "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25",
}
ANNOUNCED_EARLY = ["2026-11-27", "2026-12-24", "2027-11-26", "2028-07-03", "2028-11-24"]
"""NYSE Group, 23 December 2025: holidays and closes at 13:00 of the three years."""


def test_new_yorks_published_years_are_those_of_the_announcement() -> None:
    calendar = library_calendar("XNYS")
    assert published_until("XNYS").until == date(max(ANNOUNCED), 12, 31)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range((date(2028, 12, 31) - date(2026, 1, 1)).days + 1)]
    closed = [str(day) for day in days if day.weekday() < 5 and not calendar.is_session(day)]
    assert closed == [f"{year}-{day}" for year, listed in ANNOUNCED.items() for day in listed.split()]
    early = [day for day in days if calendar.is_session(day) and calendar.is_early_close(day)]
    assert [str(day) for day in early] == ANNOUNCED_EARLY
    assert {calendar.closes_at(day).astimezone(calendar.timezone).time() for day in early} == {time(13)}


@pytest.mark.parametrize("key", CALENDARS)
def test_every_calendar_says_how_far_it_is_published_and_by_whom(key: str) -> None:
    published = published_until(key)
    assert FIRST_DAY < published.until < LAST_DAY
    assert published.source


def test_a_calendar_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(BadInputError, match="calendar 'XTSE'"):
        published_until("XTSE")


@pytest.mark.parametrize("key", CALENDARS)
def test_the_computed_years_are_whole_to_the_last(key: str) -> None:
    calendar = library_calendar(key)
    for year in range(2029, LAST_DAY.year + 1):
        assert 240 <= calendar.session_count(date(year, 1, 1), date(year, 12, 31)) <= 258, year
    latest = calendar.latest_closed_session(datetime(2050, 12, 31, 12, tzinfo=UTC))
    assert latest == calendar.hours[-1].session
    assert latest == date(2050, 12, 30), "the 31st is a Saturday"
    with pytest.raises(BadInputError, match=r"answers within (1962|2000)-01-01\.\.2050-12-31"):
        calendar.next_session(latest)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2031-01-01", "New Year's Day"),
        ("2033-04-15", "Good Friday"),
        ("2037-06-19", "Juneteenth"),
        ("2040-07-04", "Independence Day"),
        ("2044-11-24", "Thanksgiving"),
        ("2050-12-26", "Christmas, a Sunday, on Monday"),
    ],
)
def test_holidays_of_computed_years_are_no_sessions(day: str, why: str) -> None:
    assert not library_calendar("XNYS").is_session(date.fromisoformat(day)), why


def test_half_days_of_computed_years_end_at_one() -> None:
    calendar = library_calendar("XNYS")
    for day in (date(2035, 11, 23), date(2041, 12, 24), date(2050, 11, 25)):
        assert calendar.is_early_close(day)
        assert calendar.closes_at(day).astimezone(calendar.timezone).time() == time(13)
