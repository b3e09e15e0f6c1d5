"""Queries for the asset checks: each returns counts and a sample, and leaves the verdict to the check."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.postgres.timeouts import UNLIMITED_HERE
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar


@dataclass(frozen=True, slots=True)
class Violations:
    """How many rows or objects break a rule, and up to ten of them in words."""

    count: int
    sample: tuple[str, ...]

    def __add__(self, other: "Violations") -> "Violations":
        return Violations(self.count + other.count, (*self.sample, *other.sample)[:10])


def column_differences(engine: sa.Engine, table: str, columns: Mapping[str, str]) -> Violations:
    """Columns that are missing, surplus, or of another type than `columns` (name → type as information_schema says)."""
    with transaction(engine) as connection:
        found = dict(connection.execute(statement("quality/table_columns"), {"table": table}).fetchall())
    lines = [
        f"{name}: {found.get(name, 'missing')} instead of {columns.get(name, 'nothing')}"
        for name in sorted(found.keys() | columns.keys())
        if found.get(name) != columns.get(name)
    ]
    return Violations(len(lines), tuple(lines[:10]))


def duplicate_keys(engine: sa.Engine, since: date) -> Violations:
    """Cells of `ohlcv_daily` with more than one row; the absence of a valid primary key counts as one violation."""
    return _count(engine, "quality/bars_duplicate_keys", {"since": since})


def off_session(engine: sa.Engine, calendar: SessionCalendar, since: date, until: date) -> Violations:
    """Bars of a market on dates that are none of its sessions: an exception to the calendar came after them.

    Loads refuse such bars. What is stored of a day that a person removed from the calendar counts for nothing, and
    stays until a person deletes it or takes the exception back.

    Args:
        engine: the store's.
        calendar: of the market, with its overrides applied.
        since: first date that is looked at.
        until: last date of which a session may have bars; bars of later ones are off.
    """
    values = {"since": since, "sessions": calendar.sessions(since, until), "market": calendar.key}
    return _count(engine, "quality/bars_off_session", values | {"abroad": list(ABROAD)})


def broken_invariants(engine: sa.Engine, since: date) -> Violations:
    """Rows that break an OHLC invariant, and invariants whose constraint is gone or not validated."""
    return _count(engine, "quality/bars_broken_invariants", {"since": since})


def lost_securities(engine: sa.Engine) -> Violations:
    """Securities that rows of the bulk tables are of and that do not exist; a guard that is gone counts as one."""
    return _count(engine, "quality/lost_securities", {})


def stale_factors(engine: sa.Engine) -> Violations:
    """Securities whose kept factors of adjusted prices are not what recomputing them gives: seconds for 11,000."""
    return _count(engine, "quality/adjusted_factors_stale", {}, patient=True)


def wrong_factors(engine: sa.Engine) -> Violations:
    """Bars whose factors are not what actions and closes say, computed another way: minutes for 11,000."""
    return _count(engine, "quality/adjusted_factors_wrong", {}, patient=True)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the latest report left standing: rows that are wrong and still stored, and suspicious findings.

    `session` is None where nothing was reported yet.
    """

    session: date | None
    symbols: int
    errors: Violations
    suspicious: Violations


def standing_errors(engine: sa.Engine) -> Standing:
    """What stands after the latest reported session; rows that are wrong of the 45 days before it, too."""
    with transaction(engine) as connection:
        row = connection.execute(statement("quality/standing"), {}).fetchone()
    if row is None:
        return Standing(None, 0, Violations(0, ()), Violations(0, ()))
    session, symbols, errors, suspicious = row
    return Standing(session, symbols, *(Violations(len(found), tuple(found[:10])) for found in (errors, suspicious)))


def _count(engine: sa.Engine, name: str, values: Mapping[str, object], *, patient: bool = False) -> Violations:
    with transaction(engine) as connection:
        if patient:
            connection.execute(UNLIMITED_HERE)  # the proof of everything is one statement, however long
        rows = connection.execute(statement(name), values).fetchall()
    return Violations(sum(row[1] for row in rows), tuple(str(row[0]) for row in rows[:10]))
