"""The calendar in force: the pinned library's sessions with the stored overrides, and its copy for readers.

Changing overrides belongs in `adapters.calendars.edit`.
"""

from datetime import date

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import array_text
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import CALENDARS
from tickstock_dagster.core.calendars.overrides import CalendarOverride
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar


def calendar_in_force(engine: sa.Engine, key: str) -> SessionCalendar:
    """The library's calendar with the overrides in force now.

    An override that agrees with the library is left out: a newer library has caught up with it.
    """
    with transaction(engine) as connection:
        return calendar_within(connection, key)


def calendar_within(connection: psycopg.Connection, key: str) -> SessionCalendar:
    """The calendar in force, as the caller's transaction sees it."""
    calendar = library_calendar(key)
    overrides = standing_overrides(connection, key)
    return calendar.with_overrides([override for override in overrides if not calendar.already_says(override)])


def standing_overrides(connection: psycopg.Connection, key: str) -> list[CalendarOverride]:
    """The overrides of a calendar that are in force, by session."""
    rows = connection.execute(statement("calendars/overrides"), {"calendar": key}).fetchall()
    return [CalendarOverride(*row) for row in rows]


def copied_until(engine: sa.Engine) -> date | None:
    """The day up to which every calendar is copied; None where a calendar is not."""
    with transaction(engine) as connection:
        last = copied_spans(connection)
    return min(last.values()) if set(last) >= set(CALENDARS) else None


def copied_from(engine: sa.Engine) -> dict[str, date]:
    """The first session in the copy for readers, by calendar."""
    with transaction(engine) as connection:
        return _copied(connection, statement("calendars/market_calendar_since"))


def copied_spans(connection: psycopg.Connection) -> dict[str, date]:
    """The last session in the copy for readers, by calendar."""
    return _copied(connection, statement("calendars/market_calendar_until"))


def _copied(connection: psycopg.Connection, text: str) -> dict[str, date]:
    """What a statement says of each calendar that is copied."""
    rows = connection.execute(text, {"calendars": list(CALENDARS)}).fetchall()
    return {key: day for key, day in rows if day is not None}


def copy_calendars(engine: sa.Engine, first: date, last: date) -> int:
    """Update `market_calendar` to the calendars in force between two dates; returns the number of changed rows.

    Args:
        engine: the store's.
        first: first day; a calendar that begins later is copied from its own first day on.
        last: last day, included.
    """
    changed = 0
    for key in CALENDARS:
        with transaction(engine) as connection:
            lock_calendars(connection)
            calendar = calendar_within(connection, key)
            changed += copy_days(connection, calendar, max(first, calendar.first), last)
    return changed


def copy_days(connection: psycopg.Connection, calendar: SessionCalendar, first: date, last: date) -> int:
    """Update one calendar's copy, in the caller's transaction, which holds the lock; returns how many rows changed.

    Args:
        connection: inside a transaction.
        calendar: with its overrides applied.
        first: first day.
        last: last day, included.
    """
    hours = calendar.session_hours(first, last)
    values = {
        "calendar": calendar.key,
        "first": first,
        "last": last,
        # Texts of arrays: the driver would write sixty thousand times one by one.
        "sessions": array_text(day.session.isoformat() for day in hours),
        "opens_at": array_text(day.opens_at.isoformat() for day in hours),
        "closes_at": array_text(day.closes_at.isoformat() for day in hours),
        "early": array_text("t" if day.is_early_close else "f" for day in hours),
    }
    deleted = connection.execute(statement("calendars/market_calendar_delete"), values).rowcount
    return deleted + connection.execute(statement("calendars/market_calendar_write"), values).rowcount


def lock_calendars(connection: psycopg.Connection) -> None:
    """Keep other processes from changing a calendar until the end of the transaction."""
    lock(connection, Lock.CALENDARS)
