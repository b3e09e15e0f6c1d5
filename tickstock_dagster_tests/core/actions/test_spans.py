"""The days of sessions: every day of the calendar belongs to exactly one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.actions.spans import Span, session_span
from tickstock_dagster.core.calendars.markets import CALENDARS
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster.core.errors import BadInputError

NYSE = library_calendar("XNYS")
DAYS = st.dates(date(2000, 1, 10), date(2035, 12, 31))


@given(st.sampled_from(sorted(CALENDARS)), DAYS, st.integers(0, 400))
def test_the_spans_of_consecutive_sessions_tile_the_calendar_of_any_market(market: str, start: date, length: int):
    calendar = library_calendar(market)
    sessions = calendar.sessions(start, start + timedelta(days=length))
    spans = [session_span(calendar, session) for session in sessions]
    days = [span.first + timedelta(days=n) for span in spans for n in range((span.last - span.first).days + 1)]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))] if days else not sessions
    assert all(span.last == session for span, session in zip(spans, sessions, strict=True))
    if sessions:
        assert session_span(calendar, sessions[0], sessions[-1]) == Span(days[0], days[-1])


@pytest.mark.parametrize(
    ("session", "first"),
    [
        (date(2026, 11, 17), date(2026, 11, 17)),
        (date(2026, 11, 16), date(2026, 11, 14)),  # a Monday has the weekend
        (date(2026, 11, 27), date(2026, 11, 26)),  # the Friday after Thanksgiving has Thanksgiving
        (date(2027, 1, 4), date(2027, 1, 1)),
    ],
)
def test_a_closed_day_belongs_to_the_session_after_it(session: date, first: date):
    assert session_span(NYSE, session) == Span(first, session)


def test_the_first_session_of_a_calendar_has_its_first_days():
    hours = tuple(NYSE.session_hours(date(2026, 11, 16), date(2026, 11, 20)))
    calendar = SessionCalendar("XNYS", NYSE.timezone, hours, date(2026, 11, 10), date(2026, 11, 30))
    assert session_span(calendar, date(2026, 11, 16)) == Span(date(2026, 11, 10), date(2026, 11, 16))


def test_a_day_without_a_session_has_no_span():
    with pytest.raises(BadInputError, match="2026-11-21"):
        session_span(NYSE, date(2026, 11, 21))
