"""Overrides: what they change, what they leave alone, and every override that is refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickstock_dagster.core.calendars.markets import CALENDARS
from tickstock_dagster.core.calendars.session_calendar import (
    FIRST_DAY,
    LAST_DAY,
    CalendarOverride,
    SessionCalendar,
    library_calendar,
)
from tickstock_dagster.core.errors import BadInputError

NEW_YORK = ZoneInfo("America/New_York")
TOKYO = ZoneInfo("Asia/Tokyo")
MONDAY = date(2026, 11, 23)
SATURDAY = date(2026, 11, 28)


def new_york(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)


def tokyo(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=TOKYO)


def override(action: Any, session: date = MONDAY, calendar: str = "XNYS", **fields: Any) -> CalendarOverride:
    return CalendarOverride(calendar, session, action, **{"reason": "a test", **fields})


@pytest.fixture
def xnys() -> SessionCalendar:
    return library_calendar("XNYS")


@pytest.fixture
def xtks() -> SessionCalendar:
    return library_calendar("XTKS")


def test_a_removed_session_is_stepped_over(xnys: SessionCalendar) -> None:
    mourning = xnys.with_overrides([override("remove")])
    assert not mourning.is_session(MONDAY)
    assert mourning.next_session(date(2026, 11, 20)) == date(2026, 11, 24)
    assert mourning.latest_closed_session(new_york(MONDAY, 23)) == date(2026, 11, 20)
    assert not mourning.is_open(new_york(MONDAY, 12))
    assert xnys.is_session(MONDAY), "the calendar it was made from has not changed"


def test_an_added_session_has_its_hours_in_utc(xnys: SessionCalendar) -> None:
    added = override("add", SATURDAY, opens_at=new_york(SATURDAY, 9, 30), closes_at=new_york(SATURDAY, 16))
    extra = xnys.with_overrides([added])
    assert extra.previous_session(date(2026, 11, 30)) == SATURDAY
    assert extra.closes_at(SATURDAY) == datetime(2026, 11, 28, 21, tzinfo=UTC)
    assert extra.closes_at(SATURDAY).tzinfo is UTC
    assert not extra.is_early_close(SATURDAY)


def test_an_added_short_session_is_an_early_close(xnys: SessionCalendar) -> None:
    added = override("add", SATURDAY, opens_at=new_york(SATURDAY, 9, 30), closes_at=new_york(SATURDAY, 12))
    assert xnys.with_overrides([added]).is_early_close(SATURDAY)


def test_a_moved_close_moves_the_moment_the_session_counts_as_closed(xnys: SessionCalendar) -> None:
    early = xnys.with_overrides([override("close_at", closes_at=new_york(MONDAY, 13))])
    assert early.is_early_close(MONDAY)
    assert early.opens_at(MONDAY) == xnys.opens_at(MONDAY)
    assert early.latest_closed_session(new_york(MONDAY, 13)) == MONDAY
    assert xnys.latest_closed_session(new_york(MONDAY, 13)) == date(2026, 11, 20)


def test_an_early_close_that_is_called_off_is_no_longer_early(xnys: SessionCalendar) -> None:
    day_after_thanksgiving = date(2026, 11, 27)
    assert xnys.is_early_close(day_after_thanksgiving)
    full = xnys.with_overrides(
        [override("close_at", day_after_thanksgiving, closes_at=new_york(day_after_thanksgiving, 16))]
    )
    assert not full.is_early_close(day_after_thanksgiving)


def test_an_early_close_that_is_moved_is_early_against_the_usual_close(xnys: SessionCalendar) -> None:
    day_after_thanksgiving = date(2026, 11, 27)
    later = override("close_at", day_after_thanksgiving, closes_at=new_york(day_after_thanksgiving, 14))
    assert xnys.with_overrides([later]).is_early_close(day_after_thanksgiving)


def test_a_later_close_is_not_early(xnys: SessionCalendar) -> None:
    assert not xnys.with_overrides([override("close_at", closes_at=new_york(MONDAY, 17))]).is_early_close(MONDAY)


def test_several_overrides_hold_at_once(xnys: SessionCalendar) -> None:
    both = xnys.with_overrides(
        [override("remove"), override("close_at", date(2026, 11, 24), closes_at=new_york(date(2026, 11, 24), 13))]
    )
    assert both.previous_session(date(2026, 11, 24)) == date(2026, 11, 20)
    assert both.is_early_close(date(2026, 11, 24))


def test_no_overrides_are_the_same_calendar(xnys: SessionCalendar) -> None:
    assert xnys.with_overrides([]) is xnys


def test_an_added_tokyo_session_keeps_the_lunch_break(xtks: SessionCalendar) -> None:
    added = override("add", SATURDAY, "XTKS", opens_at=tokyo(SATURDAY, 9), closes_at=tokyo(SATURDAY, 15, 30))
    extra = xtks.with_overrides([added])
    assert extra.is_open(tokyo(SATURDAY, 11))
    assert not extra.is_open(tokyo(SATURDAY, 12))


def test_a_tokyo_session_that_ends_before_noon_has_no_lunch_break(xtks: SessionCalendar) -> None:
    day = date(2026, 11, 24)
    morning = xtks.with_overrides([override("close_at", day, "XTKS", closes_at=tokyo(day, 11, 30))])
    assert morning.hours_of(day).break_start is None
    assert morning.is_early_close(day)


def test_a_tokyo_close_within_the_lunch_break_is_refused(xtks: SessionCalendar) -> None:
    day = date(2026, 11, 24)
    with pytest.raises(BadInputError, match="outside of the break"):
        xtks.with_overrides([override("close_at", day, "XTKS", closes_at=tokyo(day, 12))])


def test_an_added_session_before_every_known_one_takes_its_usual_hours_from_after() -> None:
    new_year = date(2000, 1, 2)
    added = override("add", new_year, "XTKS", opens_at=tokyo(new_year, 9), closes_at=tokyo(new_year, 14))
    assert library_calendar("XTKS").with_overrides([added]).is_early_close(new_year)


def test_a_calendar_without_sessions_can_be_given_one() -> None:
    empty = SessionCalendar("XNYS", NEW_YORK, ())
    added = override("add", opens_at=new_york(MONDAY, 9, 30), closes_at=new_york(MONDAY, 16))
    assert empty.with_overrides([added]).sessions(FIRST_DAY, LAST_DAY) == [MONDAY]


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (override("add", opens_at=new_york(MONDAY, 10), closes_at=new_york(MONDAY, 15)), "not a session yet"),
        (override("remove", SATURDAY), "is a session"),
        (override("close_at", SATURDAY, closes_at=new_york(SATURDAY, 13)), "is a session"),
        (override("close_at", closes_at=new_york(MONDAY, 16)), "another close than the present one"),
        (override("close_at", closes_at=new_york(MONDAY, 9)), "a close after the open"),
        (override("close_at", closes_at=new_york(MONDAY + timedelta(days=1), 1)), "times on that date"),
        (override("remove", calendar="XLON"), "an override of XNYS"),
        (override("remove", date(2051, 1, 3)), "within 1962-01-01"),
        (
            override("add", SATURDAY, opens_at=new_york(SATURDAY, 16), closes_at=new_york(SATURDAY, 9)),
            "a close after the open",
        ),
        (override("add", SATURDAY, opens_at=new_york(MONDAY, 9), closes_at=new_york(MONDAY, 16)), "times on that date"),
    ],
    ids=[
        "adds a session that is there",
        "removes a day that is none",
        "moves the close of a day that is none",
        "moves the close to where it is",
        "closes before the open",
        "closes on another date",
        "is of another calendar",
        "is out of bounds",
        "adds hours upside down",
        "adds hours of another date",
    ],
)
def test_an_override_that_changes_nothing_or_cannot_be_is_refused(
    xnys: SessionCalendar, refused: CalendarOverride, words: str
) -> None:
    with pytest.raises(BadInputError, match=words):
        xnys.with_overrides([refused])


def test_two_overrides_of_one_day_are_refused(xnys: SessionCalendar) -> None:
    with pytest.raises(BadInputError, match="one override for a day"):
        xnys.with_overrides([override("remove"), override("close_at", closes_at=new_york(MONDAY, 13))])


@pytest.mark.parametrize(
    ("action", "fields", "words"),
    [
        ("skip", {}, "did you mean|add, close_at, remove"),
        ("add", {"opens_at": new_york(MONDAY, 9)}, "opens_at and closes_at for add"),
        ("remove", {"closes_at": new_york(MONDAY, 13)}, "no times for remove"),
        ("close_at", {}, "closes_at for close_at"),
        ("close_at", {"closes_at": datetime(2026, 11, 23, 13)}, "times with a time zone"),  # noqa: DTZ001
        ("remove", {"reason": " "}, "a reason"),
        ("remove", {"session": new_york(MONDAY, 9)}, "a date as session"),
    ],
)
def test_an_override_that_makes_no_sense_in_itself_is_refused(action: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words) as refused:
        override(action, **fields)
    assert "calendar override" in str(refused.value)


def test_the_refusal_names_the_override(xnys: SessionCalendar) -> None:
    with pytest.raises(BadInputError, match=r"XNYS 2026-11-23 close_at 2026-11-23 16:00:00-05:00"):
        xnys.with_overrides([override("close_at", closes_at=new_york(MONDAY, 16))])


def test_an_override_that_the_library_has_caught_up_with_can_be_told(xnys: SessionCalendar) -> None:
    carter = override("remove", date(2025, 1, 9))
    assert xnys.already_says(carter)
    assert not xnys.already_says(override("remove"))
    assert xnys.already_says(override("close_at", closes_at=new_york(MONDAY, 16)))
    assert not xnys.already_says(override("close_at", closes_at=new_york(MONDAY, 13)))
    assert xnys.already_says(override("add", opens_at=new_york(MONDAY, 9, 30), closes_at=new_york(MONDAY, 16)))
    assert not xnys.already_says(override("add", opens_at=new_york(MONDAY, 9), closes_at=new_york(MONDAY, 16)))
    assert not xnys.already_says(override("remove", date(2025, 1, 9), "XLON"))


keys = st.sampled_from(CALENDARS)
days = st.dates(FIRST_DAY + timedelta(days=14), LAST_DAY - timedelta(days=14))
few = settings(max_examples=15, deadline=None)


@few
@given(keys, days)
def test_removing_a_session_and_adding_it_back_gives_the_same_calendar(key: str, day: date) -> None:
    calendar = library_calendar(key)
    hours = calendar.hours_of(calendar.next_session(day))
    removed = calendar.with_overrides([override("remove", hours.session, key)])
    back = override("add", hours.session, key, opens_at=hours.opens_at, closes_at=hours.closes_at)
    assert removed.with_overrides([back]).hours == calendar.hours


@few
@given(keys, days)
def test_an_override_changes_no_other_day(key: str, day: date) -> None:
    calendar = library_calendar(key)
    session = calendar.next_session(day)
    changed = calendar.with_overrides([override("remove", session, key)])
    assert changed.hours == tuple(hours for hours in calendar.hours if hours.session != session)
    assert changed.next_session(calendar.previous_session(session)) == calendar.next_session(session)


@few
@given(keys, days, st.integers(1, 100))
def test_what_was_overridden_is_what_the_calendar_then_says(key: str, day: date, minutes: int) -> None:
    calendar = library_calendar(key)
    session = calendar.next_session(day)
    closes_at = calendar.closes_at(session) - timedelta(minutes=minutes)
    moved = override("close_at", session, key, closes_at=closes_at)
    changed = calendar.with_overrides([moved])
    assert changed.closes_at(session) == closes_at
    assert changed.is_early_close(session)
    assert changed.already_says(moved)
    assert not calendar.already_says(moved)
    assert changed.latest_closed_session(closes_at) == session
