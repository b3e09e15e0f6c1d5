"""When the store is maintained, and how long what is kept: decisions only. Doing it is the work of `adapters`.

A stretch of closed days (a weekend, a holiday) is used once, after the last session before it. A holiday is such a
stretch like any other: it keeps a session from being fetched, never maintenance from being done.
Pure: the moment, the calendar and what was done are arguments.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.end_of_day import maintenance_at

MAX_ATTEMPTS = 3
"""Runs for one stretch. When they failed a person looks; the next stretch is tried again."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what only tells of work is kept. What is known about the market is kept for ever.

    Attributes:
        events: notifications after they were sent, for replay, with their dead letters; consumers' lost entries.
        vendor_calls: the record of single calls.
        unfinished_work: work units that failed or were never asked for. Those that are done are never removed.
    """

    events: timedelta
    vendor_calls: timedelta
    unfinished_work: timedelta


@dataclass(frozen=True, slots=True)
class MaintenanceDecision:
    """Maintain now (`due`), in the closed days after `session`, or not; `reason` in words either way."""

    session: date
    due: bool
    reason: str


def begins_stretch(calendar: SessionCalendar, session: date) -> bool:
    """Whether closed days follow a session."""
    return calendar.next_session(session) - session > timedelta(days=1)


def decide_maintenance(
    calendar: SessionCalendar,
    now: datetime,
    *,
    maintained: date | None,
    attempts: int = 0,
    in_progress: bool = False,
    eod_unfinished: bool = False,
) -> MaintenanceDecision:
    """Whether the closed days that are now are to be used.

    Args:
        calendar: overrides applied.
        now: aware.
        maintained: the last session after which maintenance came to its end.
        attempts: runs for this stretch so far.
        in_progress: whether one is queued or started.
        eod_unfinished: whether an end-of-day run is queued or started.
    """
    session = calendar.latest_closed_session(now)
    upcoming = calendar.next_session(session)

    def wait(reason: str) -> MaintenanceDecision:
        return MaintenanceDecision(session, False, reason)

    if not begins_stretch(calendar, session):
        return wait(f"{upcoming} is a session; {_next(calendar, upcoming)}")
    begins_at = maintenance_at(calendar, session)
    if now < begins_at:
        return wait(f"{session} closed; maintenance begins at {begins_at.astimezone(calendar.timezone):%H:%M %Z}")
    if maintained is not None and maintained >= session:
        return wait(f"the closed days after {session} were used; {_next(calendar, upcoming)}")
    if now >= calendar.opens_at(upcoming):
        return wait(f"the closed days after {session} are over without maintenance; {_next(calendar, upcoming)}")
    if in_progress:
        return wait(f"maintenance after {session} is queued or started")
    if eod_unfinished:
        return wait("an end-of-day run is queued or started; maintenance follows it")
    if attempts >= MAX_ATTEMPTS:
        return wait(f"{attempts} runs after {session} failed, the last says why; {_next(calendar, upcoming)}")
    days = (upcoming - session).days - 1
    return MaintenanceDecision(session, True, f"closed for {days} day{'s' if days > 1 else ''} after {session}")


def stretches(calendar: SessionCalendar, sessions: Iterable[date], longest: int) -> list[list[date]]:
    """Sessions in runs without a session missing between two, each of at most `longest`; ascending."""
    found: list[list[date]] = []
    for session in sorted(sessions):
        if found and len(found[-1]) < longest and calendar.next_session(found[-1][-1]) == session:
            found[-1].append(session)
        else:
            found.append([session])
    return found


def _next(calendar: SessionCalendar, session: date) -> str:
    """When maintenance is next, from a session on."""
    while not begins_stretch(calendar, session):
        session = calendar.next_session(session)
    at = maintenance_at(calendar, session).astimezone(calendar.timezone)
    return f"next is after {session}, from {at:%Y-%m-%d %H:%M %Z} on"
