"""Which owed sessions are loaded next: the newest first, in few runs, never twice, and never instead of the newest."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.catch_up import BRIDGED, MOST_SESSIONS, CatchUp, Setback, decide_catch_up
from tickstock_dagster.core.loading.owed import OwedSession

XNYS = library_calendar("XNYS")
NOW = datetime(2026, 11, 27, 15, 0, tzinfo=ZoneInfo("America/New_York"))
LATEST = date(2026, 11, 27)
"""The half day after Thanksgiving; the session before it is Wednesday's."""


def before(count: int, skip: int = 1) -> list[date]:
    """Sessions before the latest one, the newest first."""
    return XNYS.sessions_before(LATEST, count + skip - 1)[::-1][skip - 1 :]


def owing(*days: date, due: int = 15) -> list[OwedSession]:
    return [OwedSession(day, 15, due, (("never_asked", 15),)) for day in sorted(days, reverse=True)]


def decide(owed: list[OwedSession], **options: Any) -> CatchUp:
    free: dict[str, Any] = {"newest_waits": False, "busy": (), "in_progress": False}
    return decide_catch_up(XNYS, NOW, owed, **{**free, **options})


def test_an_outage_over_a_holiday_is_one_run() -> None:
    decision = decide(owing(LATEST, *before(3)))
    assert (decision.first, decision.last) == (date(2026, 11, 23), date(2026, 11, 25))
    assert decision.reason == "3 of 3 owed sessions, 2026-11-23 to 2026-11-25"


def test_the_newest_session_is_not_its_business() -> None:
    assert decide(owing(LATEST)).reason == "nothing is owed before 2026-11-27"
    assert decide([]).first is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"newest_waits": True}, "2026-11-27 comes first"),
        ({"in_progress": True}, "a catch-up is queued or started"),
        ({"busy": before(2)}, "queued or started runs load it"),
    ],
)
def test_it_waits_and_says_for_what(options: dict[str, Any], why: str) -> None:
    decision = decide(owing(*before(2)), **options)
    assert decision.first is None
    assert decision.reason == f"30 bars are owed on 2 sessions, 2026-11-24 to 2026-11-25; {why}"


def test_what_may_not_be_asked_for_again_yet_is_left() -> None:
    assert decide(owing(*before(1), due=0)).reason.endswith("none of it may be asked for again yet")
    decision = decide(owing(*before(1), due=0) + owing(*before(1, skip=2)))
    assert (decision.first, decision.last) == (date(2026, 11, 24), date(2026, 11, 24))


def test_a_session_that_another_run_loads_is_not_spanned() -> None:
    owed = owing(*before(5))
    decision = decide(owed, busy=[before(5)[2]])
    assert (decision.first, decision.last) == (before(2)[1], before(1)[0])


def test_few_complete_sessions_between_are_bridged_and_many_are_not() -> None:
    near, far = before(1, skip=BRIDGED + 2)[0], before(1, skip=BRIDGED + 3)[0]
    assert decide(owing(*before(1), near)).first == near
    assert decide(owing(*before(1), far)).first == before(1)[0]


def test_a_long_history_is_loaded_a_year_at_a_time_from_its_end() -> None:
    owed = owing(*before(1260))
    decision = decide(owed)
    assert decision.last == before(1)[0]
    assert decision.first is not None
    assert XNYS.session_count(decision.first, before(1)[0]) == MOST_SESSIONS


def test_after_failures_the_same_sessions_wait_longer_and_others_go_on() -> None:
    first, last = before(2)[1], before(1)[0]
    older = before(1, skip=30)
    owed = owing(first, last, *older)
    for failures, minutes in ((1, 15), (2, 30), (5, 240), (60, 24 * 60)):
        late = Setback(first, last, failures, NOW - timedelta(minutes=minutes - 1))
        assert decide(owed, setbacks=[late]).first == older[0]
        assert "after failed runs it waits until" in decide(owing(first, last), setbacks=[late]).reason
        over = Setback(first, last, failures, NOW - timedelta(minutes=minutes))
        assert decide(owed, setbacks=[over]).last == last


@given(st.sets(st.integers(0, 600), min_size=1), st.sets(st.integers(0, 600)))
def test_runs_one_after_another_load_every_session_once_the_newest_of_each_first(
    numbers: set[int], busy_numbers: set[int]
) -> None:
    history = before(601)
    left = {history[number] for number in numbers}
    busy = {history[number] for number in busy_numbers}
    runs = 0
    while True:
        decision = decide(owing(*left), busy=busy)
        if decision.first is None or decision.last is None:
            break
        assert decision.last == max(left - busy), "the newest first"
        assert not any(decision.first <= day <= decision.last for day in busy)
        assert XNYS.session_count(decision.first, decision.last) <= MOST_SESSIONS
        left = {day for day in left if not decision.first <= day <= decision.last}
        runs += 1
    assert left <= busy
    assert runs <= len(numbers - busy_numbers)
