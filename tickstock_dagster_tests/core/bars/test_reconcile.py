"""When a session is looked at again, and in which words it is not."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.bars.reconcile import (
    LOOK_BACK,
    MAX_ATTEMPTS,
    PendingReconcile,
    decide_reconcile,
    latest_due,
    reconcile_at,
    span_of,
)
from tickstock_dagster.core.calendars.markets import CALENDARS
from tickstock_dagster.core.calendars.overrides import CalendarOverride
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.coverage import SETTLES_AFTER

XNYS = library_calendar("XNYS")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def decide(now: str, *, in_progress: bool = False, **owed: tuple[int, int, int]):
    looks = {
        date.fromisoformat(day.strip("d").replace("_", "-")): PendingReconcile(provisional, late, attempts=attempts)
        for day, (provisional, late, attempts) in owed.items()
    }
    return decide_reconcile(XNYS, at(now), looks, in_progress=in_progress)


@pytest.mark.parametrize(
    ("session", "due"),
    [
        ("2026-11-19", "2026-11-20 11:30"),
        ("2026-11-20", "2026-11-23 11:30"),  # Friday: on Monday
        ("2026-11-25", "2026-11-27 11:30"),  # over Thanksgiving, on the half day
        ("2026-11-27", "2026-11-30 11:30"),
        ("2026-12-24", "2026-12-28 11:30"),
        ("2026-03-06", "2026-03-09 11:30"),  # the clocks go forward in between
        ("2026-10-30", "2026-11-02 11:30"),  # and back
        ("2025-01-08", "2025-01-10 11:30"),  # a day of mourning in between
    ],
)
def test_the_second_look_is_on_the_morning_of_the_next_session(session, due):
    assert reconcile_at(XNYS, date.fromisoformat(session)) == at(due)


def test_an_override_moves_it():
    closed = CalendarOverride("XNYS", date(2026, 11, 20), "remove", reason="mourning")
    assert reconcile_at(XNYS.with_overrides([closed]), date(2026, 11, 19)) == at("2026-11-23 11:30")


def test_where_the_corrections_come_later_it_waits_for_them():
    xetr = library_calendar("XETR")
    assert reconcile_at(xetr, date(2026, 11, 19)) == datetime(2026, 11, 20, 11, 30, tzinfo=UTC), "12:30 in Frankfurt"
    assert xetr.closes_at(date(2026, 11, 19)) + SETTLES_AFTER == datetime(2026, 11, 20, 11, 30, tzinfo=UTC)


@given(st.sampled_from(CALENDARS), st.dates(date(2012, 1, 10), date(2028, 1, 1)))
def test_it_is_never_before_the_bars_have_settled_nor_on_a_closed_day(key, day):
    calendar = library_calendar(key)
    session = calendar.next_session(day)
    moment = reconcile_at(calendar, session)
    assert moment - calendar.closes_at(session) >= SETTLES_AFTER
    assert calendar.is_session(moment)
    assert latest_due(calendar, moment) == session
    assert latest_due(calendar, moment - timedelta(seconds=1)) == calendar.previous_session(session)
    assert calendar.session_count(*span_of(calendar, moment)) == LOOK_BACK


def test_what_is_owed_is_looked_at_the_oldest_first():
    decision = decide("2026-11-20 11:30", d2026_11_18=(0, 2, 1), d2026_11_19=(500, 0, 0))
    assert (decision.session, decision.attempt) == (date(2026, 11, 18), 2)
    assert decision.reason == "2026-11-18: 0 provisional bars, 2 late gaps"


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("2026-11-20 11:29", "2026-11-18 is reconciled; 2026-11-19 is due at 2026-11-20 11:30 EST"),
        ("2026-11-20 11:30", "2026-11-19 is reconciled; 2026-11-20 is due at 2026-11-23 11:30 EST"),
        (
            "2026-11-26 11:30",
            "2026-11-26 is not a session; 2026-11-24 is reconciled; 2026-11-25 is due at 2026-11-27 11:30 EST",
        ),
        (
            "2026-11-21 11:30",
            "2026-11-21 is not a session; 2026-11-19 is reconciled; 2026-11-20 is due at 2026-11-23 11:30 EST",
        ),
    ],
)
def test_where_nothing_is_owed_the_next_is_named_and_a_holiday_too(now, reason):
    assert decide(now) == decide(now, d2026_11_17=(0, 0, 1))
    assert (decide(now).session, decide(now).reason) == (None, reason)


def test_one_look_at_a_time():
    decision = decide("2026-11-20 11:45", in_progress=True, d2026_11_19=(500, 0, 1))
    assert (decision.session, decision.reason) == (None, "a reconcile is queued or started")


def test_what_the_vendor_took_back_is_given_up_and_named_and_others_are_not_held_up():
    tired = (3, 0, MAX_ATTEMPTS)
    decision = decide("2026-11-20 11:45", d2026_11_19=tired)
    assert decision.session is None
    assert decision.reason == "2026-11-20 is due at 2026-11-23 11:30 EST; given up after 4 runs: 2026-11-19"
    assert decide("2026-11-20 11:45", d2026_11_18=tired, d2026_11_19=(1, 0, 0)).session == date(2026, 11, 19)
