"""Changing a calendar by hand: overrides put in force and withdrawn, each with its event and the copy for readers.

One change is one transaction. `core.calendars.overrides` validates overrides; reading the calendar in force belongs in
`adapters.calendars.store`.
"""

from dataclasses import dataclass
from datetime import date, datetime

import psycopg
import sqlalchemy as sa
from pydantic import JsonValue

from tickstock_dagster.adapters.calendars.store import (
    calendar_within,
    copied_spans,
    copy_days,
    lock_calendars,
    standing_overrides,
)
from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.overrides import CalendarOverride, adjustment_of
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, SessionHours, library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.events.envelope import Event, ScheduleAdjusted
from tickstock_dagster.core.printable import plain_reason


@dataclass(frozen=True, slots=True)
class OverrideChange:
    """How a change altered a day.

    Attributes:
        override_id: the override put in force, or withdrawn; None where the same one was in force.
        replaced: the override that it replaced.
        before: the day's session before the change, None for a closed day.
        after: the day's session now.
    """

    override_id: int | None
    replaced: int | None
    before: SessionHours | None
    after: SessionHours | None


@dataclass(frozen=True, slots=True)
class StoredOverride:
    """One row of `market_calendar_overrides`, in force while `revoked_at` is None. Times are UTC."""

    override_id: int
    calendar: str
    session: date
    action: str
    opens_at: datetime | None
    closes_at: datetime | None
    reason: str
    created_by: str
    created_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_reason: str | None


def put_override(engine: sa.Engine, override: CalendarOverride, *, by: str, now: datetime) -> OverrideChange:
    """Put an override in force; it counts from the next reading on. The same one again changes nothing.

    The same transaction withdraws the override in force on that day, if there is one, and keeps its row.

    Args:
        engine: the store's.
        override: the change, against the library's calendar.
        by: the person who decides it.
        now: aware.

    Raises:
        BadInputError: the library has the day so already, the change contradicts the calendar, its times are not valid,
            or the person is not named. Nothing was changed.
    """
    who = _named(by)
    key, day = override.calendar, override.session
    with transaction(engine) as connection:
        lock_calendars(connection)
        before = _day_of(calendar_within(connection, key), day)
        standing = standing_overrides(connection, key)
        same = [old for old in standing if old.session == day and _says(old) == _says(override)]
        if same:
            return OverrideChange(None, None, before, before)
        # Validated against the library, since the override in force is about to be replaced.
        library_calendar(key).with_overrides([override])
        replaced = _revoke(connection, key, day, by=who, reason=f"replaced: {override.reason}", now=now)
        values = {
            "calendar": key,
            "session": day,
            "action": override.action,
            "opens_at": override.opens_at,
            "closes_at": override.closes_at,
            "reason": override.reason,
            "by": who,
            "now": now,
        }
        row = connection.execute(statement("calendars/override_add"), values).fetchone()
        assert row is not None  # noqa: S101  # an insert returns its row
        change = OverrideChange(int(row[0]), replaced, before, _follow(connection, key, day))
        kind = adjustment_of(before, change.after)
        details = _details(change, by=who, reason=override.reason)
        data = ScheduleAdjusted(market=key, session=day, adjustment_type=kind, details=details)
        write_events(connection, [Event.of(data, time=now, dedupe_key=f"override/{change.override_id}")])
    return change


def withdraw_override(engine: sa.Engine, key: str, day: date, *, by: str, reason: str, now: datetime) -> OverrideChange:
    """Withdraw the override of a day, so that the library counts again. The row stays, with who, when and why.

    Args:
        engine: the store's.
        key: the calendar's.
        day: the override's day.
        by: the person who decides it.
        reason: why.
        now: aware.

    Raises:
        BadInputError: no override is in force on the day, or person or reason is missing. Nothing was changed.
    """
    who = _named(by)
    why = plain_reason(reason, "--reason")
    with transaction(engine) as connection:
        lock_calendars(connection)
        before = _day_of(calendar_within(connection, key), day)
        withdrawn = _revoke(connection, key, day, by=who, reason=why, now=now)
        if withdrawn is None:
            days = [str(old.session) for old in standing_overrides(connection, key)]
            listed = ", ".join(days[-10:]) or "none stands"
            raise BadInputError("--withdraw", day, f"a day of {key} with an override in force: {listed}")
        change = OverrideChange(withdrawn, None, before, _follow(connection, key, day))
        details = _details(change, by=who, reason=why)
        data = ScheduleAdjusted(market=key, session=day, adjustment_type="withdrawn", details=details)
        write_events(connection, [Event.of(data, time=now, dedupe_key=f"withdrawn/{withdrawn}")])
    return change


def override_history(engine: sa.Engine, key: str, first: date, last: date) -> list[StoredOverride]:
    """The overrides of some days, withdrawn ones included, by day and age.

    Args:
        engine: the store's.
        key: the calendar's.
        first: first day.
        last: last day, included.
    """
    values = {"calendar": key, "first": first, "last": last}
    with transaction(engine) as connection:
        return [StoredOverride(*row) for row in connection.execute(statement("calendars/override_history"), values)]


def _follow(connection: psycopg.Connection, key: str, day: date) -> SessionHours | None:
    """Update the day in the copy for readers; returns its session.

    Years that are not copied yet are left to the next copy: a single day without its neighbours would mislead.
    """
    calendar = calendar_within(connection, key)
    until = copied_spans(connection).get(key)
    if until is not None and day.year <= until.year:
        copy_days(connection, calendar, day, day)
    return _day_of(calendar, day)


def _revoke(connection: psycopg.Connection, key: str, day: date, *, by: str, reason: str, now: datetime) -> int | None:
    values = {"calendar": key, "session": day, "by": by, "reason": reason, "now": now}
    row = connection.execute(statement("calendars/override_revoke"), values).fetchone()
    return int(row[0]) if row else None


def _day_of(calendar: SessionCalendar, day: date) -> SessionHours | None:
    return calendar.hours_of(day) if calendar.is_session(day) else None


def _says(override: CalendarOverride) -> tuple[object, ...]:
    return (override.action, override.opens_at, override.closes_at)


def _details(change: OverrideChange, *, by: str, reason: str) -> dict[str, JsonValue]:
    details: dict[str, JsonValue] = {"reason": reason, "by": by, "source": "override"}
    for name, hours in (("before", change.before), ("after", change.after)):
        times = (hours.opens_at.isoformat(), hours.closes_at.isoformat()) if hours else None
        details[name] = {"opens_at": times[0], "closes_at": times[1]} if times else "closed"
    return details


def _named(by: str) -> str:
    if not by.strip():
        raise BadInputError("--by", by, "the name of the person who decides it")
    return by.strip()
