"""How long an answer about corporate actions is good, and which sessions are owed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.actions.evidence import (
    AHEAD,
    EVIDENCE_EXPIRED,
    NEVER_ASKED,
    FailedLook,
    Receipt,
    owed_sessions,
    spans_to_ask,
)
from tickstock_dagster.core.actions.spans import Span, session_span
from tickstock_dagster.core.calendars.session_calendar import library_calendar

NYSE = library_calendar("XNYS")
MON, TUE, WED, THU, FRI = (date(2026, 11, day) for day in (16, 17, 18, 19, 20))
NEXT_MON = date(2026, 11, 23)
TRAILING_OF_FRI = date(2026, 11, 7)
"""The days of the tenth session up to Friday, Monday the 9th, begin on the Saturday before it."""


def evening(session: date, minutes: int = 30) -> datetime:
    return NYSE.closes_at(session) + timedelta(minutes=minutes)


def look(
    receipts: list[Receipt], first: date, last: date | None = None, *, at: datetime | None = None, **options: object
) -> list[Span]:
    """What a look asks for; its receipts are added."""
    now = at or evening(last or first)
    spans = spans_to_ask(receipts, NYSE, first, last or first, now=now, **options)  # type: ignore[arg-type]
    receipts += [Receipt(span, now) for span in spans]
    return spans


def owed(receipts: Sequence[Receipt], first: date, now: datetime, **options: object) -> list[tuple[date, str]]:
    failures = options.pop("failures", ())
    sessions = NYSE.sessions(first, first + timedelta(days=90))
    return owed_sessions(receipts, failures, NYSE, sessions, now=now, **options)  # type: ignore[arg-type]


def test_the_first_look_asks_for_ten_sessions_and_everything_ahead():
    assert look([], FRI) == [Span(TRAILING_OF_FRI, FRI + AHEAD)]


def test_a_look_is_repeated_for_nothing_until_the_next_session_closes():
    receipts: list[Receipt] = []
    assert look(receipts, THU)
    assert look(receipts, THU, at=evening(THU, 600)) == []
    assert look(receipts, WED, at=evening(THU, 601)) == []
    assert look(receipts, FRI) == [Span(TRAILING_OF_FRI, FRI + AHEAD)]
    assert look(receipts, FRI, at=evening(FRI) + timedelta(days=2)) == []


def test_what_was_asked_before_the_close_is_asked_again_after_it():
    receipts = [Receipt(Span(TRAILING_OF_FRI, FRI + AHEAD), evening(FRI, -1))]
    assert look(receipts, FRI, at=evening(FRI, 0)) == [Span(TRAILING_OF_FRI, FRI + AHEAD)]


def test_the_weeks_first_look_asks_for_what_was_asked_for_in_the_last_four_hundred_days():
    receipts: list[Receipt] = []
    look(receipts, date(2025, 6, 2), FRI)
    assert look(receipts, NEXT_MON) == [Span(NEXT_MON - timedelta(days=400), NEXT_MON + AHEAD)]
    tuesday = look(receipts, date(2026, 11, 24))
    assert tuesday == [Span(date(2026, 11, 11), date(2026, 11, 24) + AHEAD)]


def test_a_long_look_that_was_missed_on_monday_is_made_on_tuesday():
    receipts: list[Receipt] = []
    look(receipts, date(2026, 1, 2), FRI)
    assert look(receipts, date(2026, 11, 24)) == [Span(date(2026, 1, 1), date(2026, 11, 24) + AHEAD)]


def test_days_between_that_nobody_needs_are_not_asked_for():
    receipts: list[Receipt] = []
    assert look(receipts, date(2026, 1, 2), at=evening(FRI)) == [Span(date(2026, 1, 1), date(2026, 1, 2))]
    look(receipts, FRI)
    assert look(receipts, NEXT_MON) == [
        Span(date(2026, 1, 1), date(2026, 1, 2)),
        Span(TRAILING_OF_FRI, NEXT_MON + AHEAD),
    ]


def test_a_past_session_asks_for_its_own_days_and_old_ones_again_after_ninety_days():
    receipts: list[Receipt] = []
    now = evening(FRI)
    old = (date(2024, 7, 1), date(2024, 7, 12))
    assert look(receipts, *old, at=now) == [Span(date(2024, 6, 29), date(2024, 7, 12))]
    assert look(receipts, *old, at=now + timedelta(days=89)) == []
    assert look(receipts, *old, at=now + timedelta(days=91)) == [Span(date(2024, 6, 29), date(2024, 7, 12))]


def test_a_longer_history_asks_for_the_part_that_is_new():
    receipts: list[Receipt] = []
    now = evening(FRI)
    look(receipts, date(2023, 1, 3), date(2024, 12, 31), at=now)
    assert look(receipts, date(2021, 1, 4), date(2024, 12, 31), at=now) == [Span(date(2021, 1, 1), date(2022, 12, 30))]


def test_a_day_that_was_reopened_is_asked_for_again_however_fresh():
    receipts: list[Receipt] = []
    look(receipts, FRI)
    assert look(receipts, FRI, at=evening(FRI, 40), reopened=[WED, date(1999, 1, 4)]) == [Span(WED, WED)]


def test_a_session_is_owed_from_its_close_until_it_was_asked_about_after_it():
    receipts: list[Receipt] = []
    assert owed(receipts, THU, evening(FRI, -1)) == [(THU, NEVER_ASKED)]
    look(receipts, THU)
    assert owed(receipts, THU, evening(FRI, -1)) == []
    assert owed(receipts, THU, evening(FRI, 0)) == [(FRI, NEVER_ASKED)], "told ahead is not told"
    look(receipts, FRI)
    assert owed(receipts, THU, evening(FRI)) == []
    assert owed(receipts, NEXT_MON, evening(FRI)) == []


def test_a_monday_is_owed_while_its_weekend_was_not_asked_about():
    receipts = [Receipt(Span(day, day), evening(day)) for day in (*NYSE.sessions(MON, FRI), NEXT_MON)]
    assert owed(receipts, TUE, evening(NEXT_MON)) == [(NEXT_MON, NEVER_ASKED)]


def test_one_look_after_an_outage_leaves_nothing_owed():
    receipts: list[Receipt] = []
    look(receipts, date(2026, 9, 1), date(2026, 10, 30))
    week_away = owed(receipts, date(2026, 9, 1), evening(NEXT_MON))
    assert week_away[-1] == (NEXT_MON, NEVER_ASKED)
    assert (date(2026, 10, 30), EVIDENCE_EXPIRED) in week_away
    assert look(receipts, NEXT_MON) == [Span(date(2026, 9, 1), NEXT_MON + AHEAD)]
    assert owed(receipts, date(2026, 9, 1), evening(NEXT_MON)) == []


def test_the_newest_error_since_the_last_answer_says_why():
    receipts: list[Receipt] = []
    look(receipts, THU)
    tried = Span(TRAILING_OF_FRI, FRI + AHEAD)
    failures = [FailedLook(tried, evening(FRI, minutes), f"failed at {minutes}") for minutes in (30, 45, -600 * 24)]
    assert owed(receipts, WED, evening(FRI, 60), failures=failures) == [(FRI, "failed at 45")]
    look(receipts, FRI, at=evening(FRI, 50))
    assert owed(receipts, WED, evening(FRI, 60), failures=failures) == []


def test_old_evidence_expires_after_its_term():
    receipts: list[Receipt] = []
    look(receipts, date(2022, 1, 3), date(2022, 1, 4), at=evening(FRI))
    later = evening(FRI) + timedelta(days=91)
    sessions = [date(2022, 1, 3), date(2022, 1, 4)]
    assert owed_sessions(receipts, (), NYSE, sessions, now=evening(FRI) + timedelta(days=89)) == []
    assert owed_sessions(receipts, (), NYSE, sessions, now=later) == [(day, EVIDENCE_EXPIRED) for day in sessions]
    assert owed_sessions(receipts, (), NYSE, sessions, now=evening(FRI), reopened=[sessions[1]]) == [
        (sessions[1], EVIDENCE_EXPIRED)
    ]


SESSIONS = NYSE.sessions(date(2026, 3, 2), date(2026, 11, 20))


@given(st.lists(st.tuples(st.integers(0, len(SESSIONS) - 1), st.integers(0, 40), st.integers(0, 5)), max_size=12))
def test_after_any_history_of_looks_one_at_what_is_owed_leaves_nothing_owed(history):
    receipts: list[Receipt] = []
    for place, length, wait in sorted(history, key=lambda entry: entry[0]):
        now = evening(SESSIONS[place]) + timedelta(hours=wait * 30)
        latest = NYSE.latest_closed_session(now)
        look(receipts, SESSIONS[max(0, place - length)], min(SESSIONS[place], latest), at=now)
    now = evening(SESSIONS[-1])
    found = [session for session, _ in owed_sessions(receipts, (), NYSE, SESSIONS, now=now)]
    if found:
        look(receipts, found[0], found[-1], at=now)
    assert owed_sessions(receipts, (), NYSE, SESSIONS, now=now) == []
    # Twice is once: a fresh day is not asked for again.
    look(receipts, SESSIONS[0], SESSIONS[-1], at=now)
    assert look(receipts, SESSIONS[0], SESSIONS[-1], at=now) == []


@pytest.mark.parametrize("market", ["XTKS", "XLON", "XETR"])
def test_other_markets_have_their_own_closes_and_weeks(market: str):
    calendar = library_calendar(market)
    session = calendar.latest_closed_session(datetime(2026, 11, 20, 23, tzinfo=UTC))
    close = calendar.closes_at(session)
    [span] = spans_to_ask([], calendar, session, session, now=close)
    assert span.last == session + AHEAD
    assert spans_to_ask([Receipt(span, close)], calendar, session, session, now=close) == []
    assert spans_to_ask([Receipt(span, close - timedelta(seconds=1))], calendar, session, session, now=close) == [span]
    assert span.first == session_span(calendar, calendar.sessions_before(session, 9)[0]).first
