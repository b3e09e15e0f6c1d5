"""When the store is maintained, and how long data is kept: decisions only. `adapters` does the work.

Light maintenance runs after every session. Intensive maintenance runs once per stretch of closed days (a weekend, a
holiday), after the last session before it. A holiday is a stretch like any other: there is no session to fetch, but
maintenance still runs.
Pure: the moment, the calendar and past maintenance are arguments.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.end_of_day import maintenance_at

MAX_ATTEMPTS = 3
"""Runs for one stretch, or after one session. If all fail, a person has to act; the next one has its own runs."""


class MaintenanceKind(StrEnum):
    """Light after a session; intensive on closed days."""

    LIGHT = "light"
    INTENSIVE = "intensive"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long records of work are kept. Market data is kept permanently.

    Attributes:
        events: sent events, for replay, and those dropped by hand; consumers' lost entries. Dead letters stay until a
            person releases or drops them.
        vendor_calls: the log of single calls.
        finished_work: work units that were cancelled, and receipts that later ones replaced. Work that is open, units
            that are dead and receipts that something depends on are never removed.
    """

    events: timedelta
    vendor_calls: timedelta
    finished_work: timedelta


@dataclass(frozen=True, slots=True)
class MaintenanceDecision:
    """Whether to maintain now (`due`), after `session`; `reason` says why, either way."""

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
    """Whether maintenance is due now.

    Args:
        calendar: overrides applied.
        now: aware.
        maintained: the last session after which maintenance finished; None if it never did.
        attempts: runs for this stretch so far.
        in_progress: whether a maintenance run is queued or started.
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
        return wait(f"maintenance after {session} is done; {_next(calendar, upcoming)}")
    if now >= calendar.opens_at(upcoming):
        return wait(f"the closed days after {session} ended without maintenance; {_next(calendar, upcoming)}")
    if in_progress:
        return wait(f"maintenance after {session} is queued or started")
    if eod_unfinished:
        return wait("an end-of-day run is queued or started; maintenance follows it")
    if attempts >= MAX_ATTEMPTS:
        return wait(f"{attempts} runs after {session} failed, see the last one; {_next(calendar, upcoming)}")
    days = (upcoming - session).days - 1
    return MaintenanceDecision(session, True, f"closed for {days} day{'s' if days > 1 else ''} after {session}")


def decide_light_maintenance(
    calendar: SessionCalendar,
    now: datetime,
    *,
    maintained: date | None,
    attempts: int = 0,
    in_progress: bool = False,
    loading: bool = False,
) -> MaintenanceDecision:
    """Whether light maintenance after the latest closed session is due now.

    It may run at any hour from then on: what it does disturbs no session.

    Args:
        calendar: overrides applied.
        now: aware.
        maintained: the last session that light maintenance followed; None if it never ran.
        attempts: runs after this session so far.
        in_progress: whether a maintenance run of any kind is queued or started.
        loading: whether a run that loads sessions is queued or started.
    """
    session = calendar.latest_closed_session(now)

    def wait(reason: str) -> MaintenanceDecision:
        return MaintenanceDecision(session, False, reason)

    begins_at = maintenance_at(calendar, session).astimezone(calendar.timezone)
    if maintained is not None and maintained >= session:
        upcoming = calendar.next_session(session)
        at = maintenance_at(calendar, upcoming).astimezone(calendar.timezone)
        return wait(f"light maintenance after {session} is done; next is from {at:%Y-%m-%d %H:%M %Z} on")
    if now < begins_at:
        return wait(f"{session} closed; light maintenance begins at {begins_at:%H:%M %Z}")
    if in_progress:
        return wait("maintenance is queued or started")
    if loading:
        return wait("a run that loads sessions is queued or started; light maintenance follows it")
    if attempts >= MAX_ATTEMPTS:
        return wait(f"{attempts} runs after {session} failed, see the last one")
    return MaintenanceDecision(session, True, f"{session} closed at {calendar.closes_at(session):%H:%M} UTC")


def stretches(calendar: SessionCalendar, sessions: Iterable[date], longest: int) -> list[list[date]]:
    """Sessions in runs of consecutive ones, each of at most `longest`; ascending."""
    found: list[list[date]] = []
    for session in sorted(sessions):
        if found and len(found[-1]) < longest and calendar.next_session(found[-1][-1]) == session:
            found[-1].append(session)
        else:
            found.append([session])
    return found


def _next(calendar: SessionCalendar, session: date) -> str:
    """When maintenance is next due, from a session on."""
    while not begins_stretch(calendar, session):
        session = calendar.next_session(session)
    at = maintenance_at(calendar, session).astimezone(calendar.timezone)
    return f"next is after {session}, from {at:%Y-%m-%d %H:%M %Z} on"
