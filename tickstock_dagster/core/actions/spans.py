"""Which days belong to which session: every day of the calendar to exactly one.

A corporate action has an ex-date, which can be a day without a session; it then takes effect on the next one. So the
days of a session are those after the session before it, up to itself.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"


def session_span(calendar: SessionCalendar, session: date, last: date | None = None) -> Span:
    """The days of a session, or of all sessions up to `last`.

    Args:
        calendar: with its overrides applied; its first session has the calendar's first days.
        session: of the calendar.
        last: a later session; None: the session alone.

    Raises:
        BadInputError: one of the two is no session; names its neighbours.
    """
    for day in (session, last or session):
        calendar.hours_of(day)
    before = calendar.sessions_before(session, 1)
    return Span(before[0] + _DAY if before else calendar.first, last or session)
