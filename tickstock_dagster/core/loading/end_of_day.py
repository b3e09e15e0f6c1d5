"""The end-of-day clock: what to do about a session at a given moment.

All times derive from the session's own close, so half days, daylight saving and other time zones need no rules of
their own. Pure: the moment, the calendar and the session's state are arguments.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import Completeness

FIRST_ATTEMPT_AFTER = timedelta(minutes=30)
"""After the close: the first attempt."""

MAINTENANCE_AFTER = timedelta(minutes=60)
"""After the close: maintenance may begin (17:00 ET on a full day, 14:00 ET on a 13:00 close)."""

OBJECTIVE_AFTER = timedelta(minutes=120)
"""After the close: the completeness objective is due (18:00 ET on a full day, 15:00 ET on a 13:00 close)."""

RECONCILE_AT = time(11, 30)
"""On the exchange's clocks, on the next session's day: the vendor's overnight corrections are in by then."""

OBJECTIVE = 0.95
"""Share of the owed bars that makes a session complete."""


@dataclass(frozen=True, slots=True)
class EodDecision:
    """`attempt` the session now, or wait; `reason` says why, either way. `overdue`: past the objective's time."""

    session: date
    attempt: bool
    reason: str
    overdue: bool = False


def reaches_objective(state: Completeness) -> bool:
    """Whether a session counts as complete. A session without expected bars does not: there was nothing to load."""
    return state.expected > 0 and state.ratio >= OBJECTIVE


def first_attempt_at(calendar: SessionCalendar, session: date, *, same_day: bool = True) -> datetime:
    """When the first attempt at a session is due, UTC.

    Args:
        calendar: overrides applied.
        session: one of its sessions.
        same_day: whether the vendor's plan has bars on the session's own day; otherwise the first attempt is at 00:30
            on the exchange's next day.
    """
    begins_at = calendar.closes_at(session) + FIRST_ATTEMPT_AFTER
    if same_day:
        return begins_at
    next_day = datetime.combine(session + timedelta(days=1), datetime.min.time(), calendar.timezone)
    return max(begins_at, (next_day + FIRST_ATTEMPT_AFTER).astimezone(UTC))


def maintenance_at(calendar: SessionCalendar, session: date) -> datetime:
    """When maintenance may begin after a session, UTC. `calendar` has its overrides applied."""
    return calendar.closes_at(session) + MAINTENANCE_AFTER


def overdue_at(calendar: SessionCalendar, session: date, *, same_day: bool = True) -> datetime:
    """When a session below the objective is reported, UTC; arguments as for `first_attempt_at`.

    The objective's hour; with a plan that has bars on the next day only, equally long after the first attempt.
    """
    return first_attempt_at(calendar, session, same_day=same_day) + (OBJECTIVE_AFTER - FIRST_ATTEMPT_AFTER)


def decide_attempt(
    calendar: SessionCalendar, now: datetime, *, state: Completeness | None, in_progress: bool, same_day: bool = True
) -> EodDecision:
    """Whether to load the latest closed session now.

    Args:
        calendar: overrides applied.
        now: aware.
        state: the latest closed session's completeness; None where nothing is tracked on it.
        in_progress: whether a run for that session is queued or started.
        same_day: as for `first_attempt_at`.
    """
    session = calendar.latest_closed_session(now)
    closes_at = calendar.closes_at(session)
    local = now.astimezone(calendar.timezone)
    begins_at = first_attempt_at(calendar, session, same_day=same_day)
    if state is None:
        return EodDecision(session, False, f"nothing is tracked on {session}: load a profile or track a universe first")
    overdue = now >= closes_at + OBJECTIVE_AFTER
    if state.expected and state.missing == 0:
        upcoming = calendar.next_session(session)
        today = "" if calendar.is_session(local.date()) else f"{local.date()} is not a session; "
        return EodDecision(session, False, f"{today}{session} is complete; next is {upcoming}")
    if now < begins_at:
        first = begins_at.astimezone(calendar.timezone)
        return EodDecision(session, False, f"{session} closed; its first attempt is at {first:%H:%M %Z}")
    if in_progress:
        return EodDecision(session, False, f"a run for {session} is queued or started", overdue)
    return EodDecision(
        session, True, f"{session}: {state.stored} of {state.expected - state.final} bars stored", overdue
    )


def latest_due_session(calendar: SessionCalendar, now: datetime) -> date:
    """The latest session whose objective was due by now."""
    return calendar.latest_closed_session(now - OBJECTIVE_AFTER)


SILENT_SHARE = 0.05
"""With no more than this share of a session's expected bars stored, the day may not have been a session."""


def is_silent(state: Completeness | None) -> bool:
    """Whether so few owed bars of a session are stored that the session itself is in doubt; False if none is owed."""
    due = 0 if state is None else state.expected - state.final
    return state is not None and due > 0 and state.stored <= SILENT_SHARE * due
