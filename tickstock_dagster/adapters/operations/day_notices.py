"""Events that follow from the clock alone, without a run: the next session closes early, or a session is overdue.

Each is published once per session. `adapters.operations.mail_queue` mails them to the administrators.
"""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from pydantic import JsonValue

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.loading.coverage import gaps_by_reason
from tickstock_dagster.adapters.loading.end_of_day import AttemptStatus, publish_status
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.tracked import tracked_state
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster.core.events.envelope import Event, ScheduleAdjusted
from tickstock_dagster.core.loading.end_of_day import overdue_at, reaches_objective

AHEAD = timedelta(hours=24)
"""How long before its open a session that closes early is announced."""


def publish_early_close(engine: sa.Engine, calendar: SessionCalendar, *, now: datetime) -> date | None:
    """Publish that the next session closes early where the published calendar has it so.

    Nothing is published for an override: its own event was, when it came into force.

    Args:
        engine: the store's.
        calendar: in force.
        now: with a time zone.

    Returns:
        The session, if the event is new; else None.
    """
    session = calendar.next_session(calendar.latest_closed_session(now))
    hours, library = calendar.hours_of(session), library_calendar(calendar.key)
    planned = library.is_session(session) and library.closes_at(session) == hours.closes_at
    if not (hours.is_early_close and planned) or now < hours.opens_at - AHEAD:
        return None
    times: dict[str, JsonValue] = {"opens_at": hours.opens_at.isoformat(), "closes_at": hours.closes_at.isoformat()}
    details: dict[str, JsonValue] = {"reason": "an early close of the calendar", "source": "calendar", "after": times}
    data = ScheduleAdjusted(market=calendar.key, session=session, adjustment_type="early_close", details=details)
    with transaction(engine) as connection:
        published = write_events(connection, [Event.of(data, time=now, dedupe_key="calendar")])
    return session if published else None


def publish_overdue(
    engine: sa.Engine, calendar: SessionCalendar, *, same_day: bool, attempts: int, now: datetime
) -> date | None:
    """Publish that the latest closed session is overdue: still below the objective after the time it was due.

    Args:
        engine: the store's.
        calendar: in force.
        same_day: whether the vendor's plan gives bars on the session's own day.
        attempts: end-of-day runs for the session so far.
        now: with a time zone.

    Returns:
        The session, if the event is new; else None.
    """
    session = calendar.latest_closed_session(now)
    due_at = overdue_at(calendar, session, same_day=same_day)
    if now < due_at:
        return None
    tracked = Expectation.of_tracked(engine, session, session, market=calendar.key)
    state = tracked_state(engine, session, tracked, market=calendar.key)
    if state is None or reaches_objective(state):
        return None
    status = AttemptStatus(
        state,
        gaps_by_reason(engine, tracked.cells([session])),
        state="overdue",
        market=calendar.key,
        attempt=max(1, attempts),
        run_id=None,
        message=None if attempts else "No end-of-day run was made for it",
        due_at=due_at,
    )
    return session if publish_status(engine, status, now=now) else None
