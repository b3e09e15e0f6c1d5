from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.calendars.session_calendar import CalendarOverride, SessionCalendar, library_calendar
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import (
    EodDecision,
    decide_attempt,
    first_attempt_at,
    latest_due_session,
    reaches_objective,
)

XNYS = library_calendar("XNYS")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def state(session: date, expected: int = 500, stored: int = 0, final: int = 0) -> Completeness:
    return Completeness(session, expected, stored, final, expected - stored - final)


def decide(
    now: datetime, *, calendar: SessionCalendar = XNYS, in_progress: bool = False, same_day: bool = True, **counts: int
) -> EodDecision:
    standing = state(calendar.latest_closed_session(now), **counts)
    return decide_attempt(calendar, now, state=standing, in_progress=in_progress, same_day=same_day)


FULL_DAYS = ["2026-11-20", "2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"]
"""Fridays and Mondays around both changes of the clocks among them."""

HALF_DAYS = ["2026-11-27", "2026-12-24"]


@pytest.mark.parametrize("day", FULL_DAYS)
@pytest.mark.parametrize(
    ("clock", "attempt", "overdue"),
    [
        ("16:00", False, False),
        ("16:29", False, False),
        ("16:30", True, False),
        ("17:59", True, False),
        ("18:00", True, True),
    ],
)
def test_a_full_day_is_attempted_from_half_past_four_and_due_at_six(day, clock, attempt, overdue):
    decision = decide(at(f"{day} {clock}"))
    assert (str(decision.session), decision.attempt, decision.overdue) == (day, attempt, overdue)


@pytest.mark.parametrize("day", HALF_DAYS)
@pytest.mark.parametrize(
    ("clock", "attempt", "overdue"),
    [
        ("13:00", False, False),
        ("13:29", False, False),
        ("13:30", True, False),
        ("14:59", True, False),
        ("15:00", True, True),
    ],
)
def test_a_half_day_is_attempted_from_half_past_one_and_due_at_three(day, clock, attempt, overdue):
    decision = decide(at(f"{day} {clock}"))
    assert (str(decision.session), decision.attempt, decision.overdue) == (day, attempt, overdue)


@pytest.mark.parametrize(
    ("now", "session"),
    [
        ("2026-11-20 15:59", "2026-11-19"),  # still trading: the day before
        ("2026-11-21 12:00", "2026-11-20"),  # Saturday
        ("2026-11-22 12:00", "2026-11-20"),  # Sunday
        ("2026-11-26 18:00", "2026-11-25"),  # Thanksgiving
        ("2026-07-03 18:00", "2026-07-02"),  # Independence Day observed, a full holiday
        ("2026-04-03 18:00", "2026-04-02"),  # Good Friday
        ("2025-01-09 18:00", "2025-01-08"),  # mourning for a president
        ("2026-03-08 12:00", "2026-03-06"),  # the clocks go forward
        ("2026-11-01 12:00", "2026-10-30"),  # the clocks go back
    ],
)
def test_on_a_closed_day_it_is_about_the_session_before(now, session):
    decision = decide(at(now))
    assert (str(decision.session), decision.attempt, decision.overdue) == (session, True, True)


def test_the_first_attempt_is_told_while_it_is_early():
    decision = decide(at("2026-11-27 13:05"))
    assert decision.reason == "2026-11-27 closed; its first attempt is at 13:30 EST"


@pytest.mark.parametrize(
    ("now", "session", "expected"),
    [
        ("2026-11-20 23:59", "2026-11-20", False),
        ("2026-11-21 00:29", "2026-11-20", False),
        ("2026-11-21 00:30", "2026-11-20", True),
        ("2026-11-28 00:29", "2026-11-27", False),  # after a half day, too
        ("2026-11-28 00:30", "2026-11-27", True),
        ("2026-03-06 23:00", "2026-03-06", False),
        ("2026-03-07 00:30", "2026-03-06", True),
    ],
)
def test_without_same_day_bars_a_session_waits_for_the_next_day(now, session, expected):
    decision = decide(at(now), same_day=False)
    assert (str(decision.session), decision.attempt) == (session, expected)


def test_tokyos_next_day_is_tokyos():
    calendar = library_calendar("XTKS")
    tokyo = ZoneInfo("Asia/Tokyo")
    assert first_attempt_at(calendar, date(2026, 11, 20)) == at("2026-11-20 16:00", tokyo)
    assert first_attempt_at(calendar, date(2026, 11, 20), same_day=False) == at("2026-11-21 00:30", tokyo)
    assert decide(at("2026-11-20 15:59", tokyo), calendar=calendar).attempt is False
    assert decide(at("2026-11-20 16:00", tokyo), calendar=calendar).attempt is True


def test_a_close_that_an_override_moved_moves_the_attempt():
    early = CalendarOverride("XNYS", date(2026, 11, 20), "close_at", closes_at=at("2026-11-20 12:00"), reason="outage")
    calendar = XNYS.with_overrides([early])
    assert first_attempt_at(calendar, date(2026, 11, 20)) == at("2026-11-20 12:30")
    assert decide(at("2026-11-20 12:30"), calendar=calendar).session == date(2026, 11, 20)


def test_a_run_under_way_is_left_alone_and_may_be_overdue():
    decision = decide(at("2026-11-20 16:45"), in_progress=True)
    assert decision == EodDecision(date(2026, 11, 20), False, "a run for 2026-11-20 is queued or started")
    assert decide(at("2026-11-20 18:45"), in_progress=True).overdue is True


@pytest.mark.parametrize("counts", [{"stored": 500}, {"stored": 480, "final": 20}, {"stored": 0, "final": 500}])
@pytest.mark.parametrize("in_progress", [False, True])
def test_a_complete_session_is_left_alone_and_the_next_is_named(counts, in_progress):
    decision = decide(at("2026-11-20 19:00"), in_progress=in_progress, **counts)
    assert decision == EodDecision(date(2026, 11, 20), False, "2026-11-20 is complete; next is 2026-11-23")


def test_on_a_closed_day_the_reason_says_that_it_is_none():
    decision = decide(at("2026-11-26 12:00"), stored=500)
    assert decision.reason == "2026-11-26 is not a session; 2026-11-25 is complete; next is 2026-11-27"


@pytest.mark.parametrize("stored", [0, 474, 475, 499])
def test_a_session_with_open_gaps_is_attempted_again_even_beyond_the_objective(stored):
    decision = decide(at("2026-11-20 19:00"), stored=stored)
    assert decision.attempt is True
    assert decision.reason == f"2026-11-20: {stored} of 500 bars stored"


def test_of_what_is_due_final_gaps_are_no_part():
    assert decide(at("2026-11-20 19:00"), stored=470, final=20).reason == "2026-11-20: 470 of 480 bars stored"


def test_tracked_tickers_that_nobody_knows_yet_are_attempted_not_taken_for_complete():
    assert decide(at("2026-11-20 19:00"), expected=0).attempt is True


def test_where_nothing_is_tracked_nothing_is_attempted():
    decision = decide_attempt(XNYS, at("2026-11-20 19:00"), state=None, in_progress=False)
    assert decision.attempt is False
    assert "nothing is tracked" in decision.reason


@given(
    st.datetimes(datetime(2015, 1, 5), datetime(2028, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 20),
    st.integers(0, 20),
    st.booleans(),
    st.booleans(),
)
def test_every_decision_has_a_reason_and_no_attempt_comes_too_early(now, expected, stored, in_progress, same_day):
    counts = {"expected": expected, "stored": min(expected, stored)}
    decision = decide(now, in_progress=in_progress, same_day=same_day, **counts)
    assert str(decision.session) in decision.reason
    closes_at = XNYS.closes_at(decision.session)
    assert closes_at <= now
    if decision.attempt:
        assert not in_progress
        assert now - closes_at >= timedelta(minutes=30)
        assert same_day or now.astimezone(NEW_YORK).date() > decision.session
        assert decision.overdue == (now - closes_at >= timedelta(minutes=120))


@given(st.dates(date(2015, 1, 5), date(2028, 12, 1)), st.booleans())
def test_the_first_attempt_comes_before_the_next_session_opens(day, same_day):
    session = XNYS.latest_closed_session(datetime.combine(day, time(23, 59), UTC))
    begins_at = first_attempt_at(XNYS, session, same_day=same_day)
    assert XNYS.closes_at(session) < begins_at < XNYS.opens_at(XNYS.next_session(session))
    assert begins_at.tzinfo is UTC


# Objective


@pytest.mark.parametrize(
    ("expected", "stored", "final", "reached"),
    [(500, 475, 0, True), (500, 474, 0, False), (500, 0, 0, False), (0, 0, 0, False), (500, 456, 20, True),
     (500, 455, 20, False), (15, 14, 0, False), (20, 19, 0, True), (3, 0, 3, True)],
)  # fmt: skip
def test_the_objective_is_95_percent_of_what_is_due_and_something_must_be(expected, stored, final, reached):
    assert reaches_objective(state(date(2026, 11, 20), expected, stored, final)) is reached


@pytest.mark.parametrize(
    ("now", "session"),
    [
        ("2026-11-20 17:59", "2026-11-19"),
        ("2026-11-20 18:00", "2026-11-20"),
        ("2026-11-27 14:59", "2026-11-25"),
        ("2026-11-27 15:00", "2026-11-27"),
        ("2026-11-29 09:00", "2026-11-27"),
    ],
)
def test_what_must_be_there_by_now_is_the_session_whose_objective_is_past(now, session):
    assert str(latest_due_session(XNYS, at(now))) == session
