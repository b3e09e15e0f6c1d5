"""When maintenance is due: by the calendar alone, on weekends and holidays, and in which words it is not."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tickstock_dagster.core.calendars.session_calendar import CalendarOverride, library_calendar
from tickstock_dagster.core.operations.maintenance import (
    MaintenanceDecision,
    decide_light_maintenance,
    decide_maintenance,
    stretches,
)

XNYS = library_calendar("XNYS")


def decide(text: str, **given: Any) -> MaintenanceDecision:
    """The decision at a moment on New York's clocks."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York"))
    return decide_maintenance(XNYS, moment, **{"maintained": None, **given})


@pytest.mark.parametrize(
    ("moment", "session", "reason"),
    [
        ("2026-11-20 17:00", date(2026, 11, 20), "closed for 2 days after 2026-11-20"),
        ("2026-11-22 12:00", date(2026, 11, 20), "closed for 2 days after 2026-11-20"),
        ("2026-11-23 09:15", date(2026, 11, 20), "closed for 2 days after 2026-11-20"),
        ("2026-11-26 03:00", date(2026, 11, 25), "closed for 1 day after 2026-11-25"),  # Thanksgiving
        ("2026-11-27 14:00", date(2026, 11, 27), "closed for 2 days after 2026-11-27"),  # half day: 13:00 + 60 min
        ("2026-12-24 14:00", date(2026, 12, 24), "closed for 3 days after 2026-12-24"),
        ("2026-04-03 10:00", date(2026, 4, 2), "closed for 3 days after 2026-04-02"),  # Good Friday itself
        ("2025-01-09 10:00", date(2025, 1, 8), "closed for 1 day after 2025-01-08"),  # a day of mourning
    ],
)
def test_closed_days_are_used_from_an_hour_after_the_close_until_the_next_open(
    moment: str, session: date, reason: str
) -> None:
    assert decide(moment) == MaintenanceDecision(session, True, reason)


@pytest.mark.parametrize(
    ("moment", "given", "reason"),
    [
        ("2026-11-18 20:00", {},
         "2026-11-19 is a session; next is after 2026-11-20, from 2026-11-20 17:00 EST on"),
        ("2026-11-20 16:59", {}, "2026-11-20 closed; maintenance begins at 17:00 EST"),
        ("2026-11-27 13:59", {}, "2026-11-27 closed; maintenance begins at 14:00 EST"),
        ("2026-11-21 12:00", {"maintained": date(2026, 11, 20)},
         "maintenance after 2026-11-20 is done; next is after 2026-11-25, from 2026-11-25 17:00 EST on"),
        ("2026-11-23 09:30", {},
         ("the closed days after 2026-11-20 ended without maintenance; "
          "next is after 2026-11-25, from 2026-11-25 17:00 EST on")),
        ("2026-11-20 17:00", {"in_progress": True}, "maintenance after 2026-11-20 is queued or started"),
        ("2026-11-20 17:00", {"eod_unfinished": True},
         "an end-of-day run is queued or started; maintenance follows it"),
        ("2026-11-21 17:00", {"attempts": 3},
         "3 runs after 2026-11-20 failed, see the last one; next is after 2026-11-25, from 2026-11-25 17:00 EST on"),
    ],
)  # fmt: skip
def test_what_keeps_it_waiting_is_said(moment: str, given: dict[str, Any], reason: str) -> None:
    decision = decide(moment, **given)
    assert (decision.due, decision.reason) == (False, reason)


def test_every_stretch_of_a_year_is_used_once_and_no_session_is_disturbed() -> None:
    """Quarter hours of a year, as the schedule ticks: maintenance ends within a tick."""
    calendar, maintained, used = XNYS, None, []
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    while moment < datetime(2027, 1, 1, tzinfo=UTC):
        decision = decide_maintenance(calendar, moment, maintained=maintained)
        if decision.due:
            assert not calendar.is_open(moment)
            assert moment >= calendar.closes_at(decision.session) + timedelta(hours=1)
            used.append(decision.session)
            maintained = decision.session
        moment += timedelta(minutes=15)
    sessions = calendar.sessions(date(2026, 1, 2), date(2027, 1, 4))
    ends = [one for one, after in pairwise(sessions) if (after - one).days > 1]
    assert used == [date(2025, 12, 31), *ends]


def test_a_closure_that_nobody_foresaw_is_used_too() -> None:
    override = CalendarOverride(calendar="XNYS", session=date(2026, 11, 18), action="remove", reason="a test")
    closed = XNYS.with_overrides([override])
    moment = datetime(2026, 11, 18, 15, tzinfo=UTC)
    assert not decide_maintenance(XNYS, moment, maintained=None).due
    assert decide_maintenance(closed, moment, maintained=None).session == date(2026, 11, 17)


def test_sessions_are_computed_in_unbroken_stretches_that_are_not_too_long() -> None:
    days = [date(2026, 11, day) for day in (19, 16, 17, 23, 24, 25, 27)]
    assert stretches(XNYS, days, 3) == [
        [date(2026, 11, 16), date(2026, 11, 17)],
        [date(2026, 11, 19)],
        [date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)],
        [date(2026, 11, 27)],
    ]
    assert stretches(XNYS, [], 3) == []


def light(text: str, zone: str = "America/New_York", calendar: str = "XNYS", **given: Any) -> MaintenanceDecision:
    """The decision about light maintenance at a moment on some clocks."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return decide_light_maintenance(library_calendar(calendar), moment, **{"maintained": None, **given})


@pytest.mark.parametrize(
    ("moment", "session", "closed"),
    [
        ("2026-11-18 17:00", date(2026, 11, 18), "21:00"),  # a session follows: no closed day is needed
        ("2026-11-20 17:00", date(2026, 11, 20), "21:00"),
        ("2026-11-27 14:00", date(2026, 11, 27), "18:00"),  # half day: 13:00 + 60 min
        ("2026-11-19 11:00", date(2026, 11, 18), "21:00"),  # the daemon was away in the evening
    ],
)
def test_light_maintenance_follows_every_session(moment: str, session: date, closed: str) -> None:
    assert light(moment) == MaintenanceDecision(session, True, f"{session} closed at {closed} UTC")


def test_light_maintenance_of_tokyo_follows_its_own_close() -> None:
    tokyo: Any = {"zone": "Asia/Tokyo", "calendar": "XTKS"}
    assert light("2026-11-20 16:15", **tokyo).reason == "2026-11-20 closed; light maintenance begins at 16:30 JST"
    assert light("2026-11-20 16:30", **tokyo).due
    # 15:00 was the close until then; lunch is no close.
    assert light("2024-11-01 16:00", **tokyo).due
    assert light("2026-11-20 12:00", **tokyo).session == date(2026, 11, 19)
    done = "light maintenance after 2026-11-20 is done; next is from 2026-11-24 16:30 JST on"
    assert light("2026-11-23 16:30", maintained=date(2026, 11, 20), **tokyo).reason == done, "a holiday on Monday"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"maintained": date(2026, 11, 18)},
         "light maintenance after 2026-11-18 is done; next is from 2026-11-19 17:00 EST on"),
        ({"in_progress": True}, "maintenance is queued or started"),
        ({"loading": True}, "a run that loads sessions is queued or started; light maintenance follows it"),
        ({"attempts": 3}, "3 runs after 2026-11-18 failed, see the last one"),
    ],
)  # fmt: skip
def test_what_keeps_light_maintenance_waiting_is_said(given: dict[str, Any], reason: str) -> None:
    decision = light("2026-11-18 17:00", **given)
    assert (decision.due, decision.reason) == (False, reason)
