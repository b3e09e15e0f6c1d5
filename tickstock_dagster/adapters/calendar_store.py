"""The calendar in force: the pinned library's sessions with the stored overrides, and its copy for readers."""

from datetime import date

import sqlalchemy as sa

from tickstock_dagster.adapters.database import transaction
from tickstock_dagster.adapters.sql_files import statement
from tickstock_dagster.core.calendar_overrides import CalendarOverride
from tickstock_dagster.core.calendars import SessionCalendar, library_calendar
from tickstock_dagster.core.markets import CALENDARS


def calendar_in_force(engine: sa.Engine, key: str) -> SessionCalendar:
    """The library's calendar with the overrides that stand in the store now.

    An override that the library says itself by now is passed over: a newer library caught up with it.
    """
    calendar = library_calendar(key)
    with transaction(engine) as connection:
        rows = connection.execute(statement("calendar_overrides"), {"calendar": key}).fetchall()
    overrides = [CalendarOverride(*row) for row in rows]
    return calendar.with_overrides([override for override in overrides if not calendar.already_says(override)])


def copied_until(engine: sa.Engine) -> date | None:
    """The day up to which every calendar was copied; None where some was not."""
    with transaction(engine) as connection:
        last = dict(connection.execute(statement("market_calendar_until")).fetchall())
    return min(last.values()) if set(last) >= set(CALENDARS) else None


def copy_calendars(engine: sa.Engine, first: date, last: date) -> int:
    """Bring `market_calendar` in line with the calendars in force between two dates; returns changed rows."""
    changed = 0
    for key in CALENDARS:
        hours = calendar_in_force(engine, key).session_hours(first, last)
        values = {
            "calendar": key,
            "first": first,
            "last": last,
            "sessions": [day.session for day in hours],
            "opens_at": [day.opens_at for day in hours],
            "closes_at": [day.closes_at for day in hours],
            "early": [day.is_early_close for day in hours],
        }
        with transaction(engine) as connection:
            changed += connection.execute(statement("market_calendar_delete"), values).rowcount
            changed += connection.execute(statement("market_calendar_write"), values).rowcount
    return changed
