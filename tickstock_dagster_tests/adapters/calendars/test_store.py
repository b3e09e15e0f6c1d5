"""The calendar in force: the library's sessions with the overrides of the store, and the copy for readers."""

from datetime import UTC, date, datetime

import pytest

from tickstock_dagster.adapters.calendars.store import calendar_in_force, copy_calendars
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster_tests.adapters.store_helpers import query

FRI = date(2026, 11, 20)
THANKSGIVING, DAY_AFTER = date(2026, 11, 26), date(2026, 11, 27)
ADD = """
INSERT INTO market_calendar_overrides (calendar, session, action, opens_at, closes_at, reason, created_by, created_at)
VALUES (%s, %s, %s, %s, %s, 'a reason', 'me', now())
"""


def override(
    database_url: str, session: date, action: str, opens: datetime | None = None, closes: datetime | None = None,
    calendar: str = "XNYS",
) -> None:  # fmt: skip
    query(database_url, ADD, (calendar, session, action, opens, closes))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def test_without_overrides_the_library_speaks(migrated_database_url: str) -> None:
    calendar = calendar_in_force(open_engine(migrated_database_url), "XNYS")
    year = (date(2026, 1, 1), date(2026, 12, 31))
    assert calendar.sessions(*year) == library_calendar("XNYS").sessions(*year)


def test_a_session_can_be_taken_away_added_and_closed_early_until_that_is_revoked(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    override(migrated_database_url, FRI, "remove")
    override(migrated_database_url, THANKSGIVING, "add", at(THANKSGIVING, 14, 30), at(THANKSGIVING, 18))
    override(migrated_database_url, date(2026, 11, 23), "close_at", closes=at(date(2026, 11, 23), 17))
    calendar = calendar_in_force(engine, "XNYS")
    assert not calendar.is_session(FRI)
    assert calendar.closes_at(THANKSGIVING) == at(THANKSGIVING, 18)
    assert calendar.closes_at(date(2026, 11, 23)) == at(date(2026, 11, 23), 17)
    assert calendar.latest_closed_session(at(date(2026, 11, 22), 12)) == date(2026, 11, 19)
    assert library_calendar("XNYS").is_session(FRI), "the library's own stays as it is"
    assert calendar_in_force(engine, "XLON").is_session(FRI)
    query(migrated_database_url, "UPDATE market_calendar_overrides SET revoked_at = now()")
    assert calendar_in_force(engine, "XNYS").is_session(FRI)


def test_an_override_that_the_library_says_by_now_is_passed_over(migrated_database_url: str) -> None:
    override(migrated_database_url, THANKSGIVING, "remove")
    override(migrated_database_url, DAY_AFTER, "close_at", closes=at(DAY_AFTER, 18))
    override(migrated_database_url, FRI, "add", at(FRI, 14, 30), at(FRI, 21))
    calendar = calendar_in_force(open_engine(migrated_database_url), "XNYS")
    assert not calendar.is_session(THANKSGIVING)
    assert calendar.closes_at(DAY_AFTER) == at(DAY_AFTER, 18)
    assert calendar.closes_at(FRI) == at(FRI, 21)


def test_an_override_that_cannot_be_is_named(migrated_database_url: str) -> None:
    override(migrated_database_url, FRI, "close_at", closes=at(date(2026, 11, 23), 17))
    with pytest.raises(BadInputError, match="XNYS 2026-11-20 close_at"):
        calendar_in_force(open_engine(migrated_database_url), "XNYS")


def test_the_copy_for_readers_follows_the_calendar_in_force(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    first, last = date(2026, 11, 16), date(2026, 11, 30)
    changed = copy_calendars(engine, first, last)
    rows = "SELECT session, opens_at, closes_at, is_early_close FROM market_calendar WHERE calendar = 'XNYS' ORDER BY 1"
    copied = query(migrated_database_url, rows)
    assert [row[0] for row in copied] == library_calendar("XNYS").sessions(first, last)
    assert copied[4] == (FRI, at(FRI, 14, 30), at(FRI, 21), False)
    assert (DAY_AFTER, at(DAY_AFTER, 14, 30), at(DAY_AFTER, 18), True) in copied
    calendars = [name for (name,) in query(migrated_database_url, "SELECT DISTINCT calendar FROM market_calendar")]
    assert sorted(calendars) == ["XETR", "XLON", "XNYS", "XTKS"]
    assert changed == query(migrated_database_url, "SELECT count(*) FROM market_calendar")[0][0]
    assert copy_calendars(engine, first, last) == 0
    override(migrated_database_url, FRI, "remove")
    override(migrated_database_url, date(2026, 11, 23), "close_at", closes=at(date(2026, 11, 23), 17))
    assert copy_calendars(engine, first, last) == 2
    assert [row[0] for row in query(migrated_database_url, rows)] == [day for day, *_ in copied if day != FRI]


def test_a_copy_of_some_days_leaves_the_others(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    copy_calendars(engine, date(2026, 11, 16), date(2026, 11, 20))
    before = query(migrated_database_url, "SELECT count(*) FROM market_calendar")[0][0]
    copy_calendars(engine, date(2026, 11, 23), date(2026, 11, 24))
    assert query(migrated_database_url, "SELECT count(*) FROM market_calendar")[0][0] > before
