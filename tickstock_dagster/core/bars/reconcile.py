"""The second look at a session: when it is due, and which session it is for.

The vendor corrects its bars overnight. On the morning after, the session is asked for once more: what is unchanged
becomes final, what is not is restated. Pure: the moment, the calendar and the store's state are arguments.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import SETTLES_AFTER
from tickstock_dagster.core.loading.end_of_day import RECONCILE_AT

LOOK_BACK = 10
"""Sessions: so far back a second look that was missed is made up for."""

MAX_ATTEMPTS = 4
"""Runs for one session. What stays provisional then, the vendor has taken back; a person looks at it."""


@dataclass(frozen=True, slots=True)
class PendingReconcile:
    """What a session is owed: `provisional` bars, `late` gaps, and how many runs there were for it."""

    provisional: int
    late: int
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class ReconcileDecision:
    """Reconcile `session` now, or (None) nothing; `reason` in words either way. `attempt` counts from 1."""

    session: date | None
    reason: str
    attempt: int = 0


def reconcile_at(calendar: SessionCalendar, session: date) -> datetime:
    """When a session is looked at again, UTC: 11:30 on the exchange's clocks on the next day that is a session.

    Later where the vendor's corrections are not in by then. `calendar` has its overrides applied.
    """
    local = datetime.combine(calendar.next_session(session), RECONCILE_AT, calendar.timezone)
    return max(local.astimezone(UTC), calendar.closes_at(session) + SETTLES_AFTER)


def latest_due(calendar: SessionCalendar, now: datetime) -> date:
    """The latest session whose second look is due by `now` (aware)."""
    session = calendar.latest_closed_session(now)
    while reconcile_at(calendar, session) > now:
        session = calendar.previous_session(session)
    return session


def span_of(calendar: SessionCalendar, now: datetime) -> tuple[date, date]:
    """First and last session that may be owed a second look at `now` (aware)."""
    last = first = latest_due(calendar, now)
    for _ in range(LOOK_BACK - 1):
        first = calendar.previous_session(first)
    return first, last


def decide_reconcile(
    calendar: SessionCalendar, now: datetime, owed: Mapping[date, PendingReconcile], *, in_progress: bool
) -> ReconcileDecision:
    """Which session is to be looked at again now, the oldest first.

    Args:
        calendar: overrides applied.
        now: aware.
        owed: by session within `span_of`; sessions that are owed nothing may be absent.
        in_progress: whether such a run is queued or started.
    """
    due = latest_due(calendar, now)
    waiting = {session: look for session, look in sorted(owed.items()) if look.provisional or look.late}
    open_ones = [session for session, look in waiting.items() if look.attempts < MAX_ATTEMPTS]
    if in_progress:
        return ReconcileDecision(None, "a second look is queued or started")
    if open_ones:
        session = open_ones[0]
        look = waiting[session]
        words = f"{session}: {look.provisional} provisional bars, {look.late} late ones"
        return ReconcileDecision(session, words, look.attempts + 1)
    local = now.astimezone(calendar.timezone)
    today = "" if calendar.is_session(local.date()) else f"{local.date()} is not a session; "
    upcoming = calendar.next_session(due)
    at = reconcile_at(calendar, upcoming).astimezone(calendar.timezone)
    given_up = f"; given up after {MAX_ATTEMPTS} runs: {', '.join(map(str, waiting))}" if waiting else ""
    words = f"{today}{due} is reconciled; {upcoming} is due at {at:%Y-%m-%d %H:%M %Z}"
    if due in waiting:
        words = f"{today}{upcoming} is due at {at:%Y-%m-%d %H:%M %Z}"
    return ReconcileDecision(None, words + given_up)
