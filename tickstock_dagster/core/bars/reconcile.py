"""Reconciling a session with the vendor's corrections: when it is due, and for which session.

The vendor corrects its bars overnight. The next morning a run asks for the session again: unchanged bars become final,
changed ones are restated. Pure: the moment, the calendar and the store's state are arguments.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import SETTLES_AFTER
from tickstock_dagster.core.loading.end_of_day import RECONCILE_AT

LOOK_BACK = 10
"""Sessions: how far back a missed reconcile is made up for."""

MAX_ATTEMPTS = 4
"""Runs for one session. The vendor has withdrawn bars that are still provisional then; they need a person."""


@dataclass(frozen=True, slots=True)
class PendingReconcile:
    """What is left to reconcile of a session.

    Attributes:
        provisional: stored bars that are not final.
        late: gaps that were late when they were last asked for.
        unasked: bars that were never requested. A catch-up loads them; until then the session is not reconciled.
        attempts: runs so far.
        revised: stored bars that the market's file has otherwise by now.
    """

    provisional: int
    late: int
    unasked: int = 0
    attempts: int = 0
    revised: int = 0

    @property
    def waits(self) -> bool:
        """Whether another look may change something."""
        return bool(self.provisional or self.late or self.revised)


@dataclass(frozen=True, slots=True)
class ReconcileDecision:
    """Reconcile `session` now, or nothing (None); `reason` says why, either way. `attempt` counts from 1."""

    session: date | None
    reason: str
    attempt: int = 0


def reconcile_at(calendar: SessionCalendar, session: date) -> datetime:
    """When a session is reconciled, UTC: at 11:30 on the exchange's clocks on the next session's day.

    Later where the vendor's corrections are not in by then. `calendar` has its overrides applied.
    """
    local = datetime.combine(calendar.next_session(session), RECONCILE_AT, calendar.timezone)
    return max(local.astimezone(UTC), calendar.closes_at(session) + SETTLES_AFTER)


def latest_due(calendar: SessionCalendar, now: datetime) -> date:
    """The latest session whose reconcile is due by `now` (aware)."""
    session = calendar.latest_closed_session(now)
    while reconcile_at(calendar, session) > now:
        session = calendar.previous_session(session)
    return session


def span_of(calendar: SessionCalendar, now: datetime) -> tuple[date, date]:
    """First and last session that may be waiting for a reconcile at `now` (aware)."""
    last = first = latest_due(calendar, now)
    for _ in range(LOOK_BACK - 1):
        first = calendar.previous_session(first)
    return first, last


def decide_reconcile(
    calendar: SessionCalendar, now: datetime, pending: Mapping[date, PendingReconcile], *, in_progress: bool
) -> ReconcileDecision:
    """Which session to reconcile now; the oldest comes first.

    Args:
        calendar: overrides applied.
        now: aware.
        pending: by session within `span_of`; sessions without anything to reconcile may be absent.
        in_progress: whether such a run is queued or started.
    """
    due = latest_due(calendar, now)
    waiting = {session: one for session, one in sorted(pending.items()) if one.waits}
    open_ones = [session for session, one in waiting.items() if one.attempts < MAX_ATTEMPTS]
    if in_progress:
        return ReconcileDecision(None, "a reconcile is queued or started")
    if open_ones:
        session = open_ones[0]
        one = waiting[session]
        revised = f", {one.revised} bars that its file has otherwise" if one.revised else ""
        words = f"{session}: {one.provisional} provisional bars, {one.late} late gaps{revised}"
        return ReconcileDecision(session, words, one.attempts + 1)
    local = now.astimezone(calendar.timezone)
    today = "" if calendar.is_session(local.date()) else f"{local.date()} is not a session; "
    upcoming = calendar.next_session(due)
    at = reconcile_at(calendar, upcoming).astimezone(calendar.timezone)
    given_up = f"; given up after {MAX_ATTEMPTS} runs: {', '.join(map(str, waiting))}" if waiting else ""
    state = "" if due in waiting else f"{due} is reconciled; "
    if due in pending and pending[due].unasked:
        state = f"{due} owes {pending[due].unasked:,} bars that were never requested; "
    words = f"{today}{state}{upcoming} is due at {at:%Y-%m-%d %H:%M %Z}"
    return ReconcileDecision(None, words + given_up)
