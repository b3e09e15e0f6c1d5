"""What of a session's hours a judgement needs to know: whether it is an ordinary one, and how long it was traded.

The rules are in `core.quality.judging`.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

_SATURDAY = 5


def special_session(calendar: SessionCalendar, session: date) -> str:
    """Why a session is not an ordinary one, in words: an early close, or a holiday just before it; else empty."""
    if calendar.is_early_close(session):
        return f"closes early, at {calendar.closes_at(session).astimezone(calendar.timezone):%H:%M %Z}"
    before = calendar.previous_session(session)
    between = [before + timedelta(days=n) for n in range(1, (session - before).days)]
    holidays = [day for day in between if day.weekday() < _SATURDAY]
    return f"follows {holidays[-1]}, on which nothing traded" if holidays else ""


def session_minutes(calendar: SessionCalendar, days: Sequence[date]) -> dict[date, float]:
    """Minutes of trading, without the break, of every session from the first to the last of `days` (ascending)."""
    minutes = {}
    for day in calendar.session_hours(days[0], days[-1]):
        traded = day.closes_at - day.opens_at
        if day.break_start and day.break_end:
            traded -= day.break_end - day.break_start
        minutes[day.session] = traded.total_seconds() / 60
    return minutes
