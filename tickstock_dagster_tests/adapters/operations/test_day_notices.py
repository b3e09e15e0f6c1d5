"""What the clock alone shows: told at its hour, once, and only where it is so."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.operations.day_notices import publish_early_close, publish_overdue
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.overrides import CalendarOverride
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.adapters.events.outbox_helpers import rows
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, add_security, bar, batch

CALENDAR = library_calendar("XNYS")
HALF_DAY = date(2026, 11, 27)


def at(text: str) -> datetime:
    """A moment in New York."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York"))


def data(database_url: str) -> list[dict[str, Any]]:
    return [row[0] for row in rows(database_url, "SELECT event -> 'data' FROM outbox ORDER BY position")]


@pytest.fixture
def tracked(migrated_database_url: str) -> str:
    """AAA and BBB are tracked, of Friday AAA's bar is stored."""
    ids = [add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB")]
    engine = open_engine(migrated_database_url)
    store_batch(engine, batch(bar(ids[0])))
    write_universe(engine, "tests", "list", "tests", ("AAA", "BBB"), track_from=MON, now=NOW)
    return migrated_database_url


def overdue(url: str, text: str, **options: Any) -> date | None:
    given = {"same_day": True, "attempts": 2} | options
    return publish_overdue(open_engine(url), CALENDAR, now=at(text), **given)


def test_a_planned_early_close_is_told_once_from_a_day_before_it_opens(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    told = [
        publish_early_close(engine, CALENDAR, now=at(text))
        for text in ("2026-11-26 09:29", "2026-11-26 09:30", "2026-11-26 09:31", "2026-11-27 12:59", "2026-11-27 13:01")
    ]
    assert told == [None, HALF_DAY, None, None, None]
    (found,) = data(migrated_database_url)
    assert (found["market"], found["session"], found["adjustment_type"]) == ("XNYS", "2026-11-27", "early_close")
    assert found["details"]["after"]["closes_at"] == "2026-11-27T18:00:00+00:00"


def test_an_early_close_by_an_override_was_told_when_it_came_into_force(migrated_database_url: str) -> None:
    closes_at = datetime(2026, 11, 20, 18, tzinfo=UTC)
    early = CALENDAR.with_overrides([CalendarOverride("XNYS", FRI, "close_at", closes_at=closes_at, reason="tests")])
    assert publish_early_close(open_engine(migrated_database_url), early, now=at("2026-11-20 10:00")) is None
    assert data(migrated_database_url) == []


def test_a_session_below_the_objective_is_told_once_when_that_was_due(tracked: str) -> None:
    told = [overdue(tracked, f"2026-11-20 {clock}") for clock in ("17:59", "18:00", "18:01")]
    assert told == [None, FRI, None]
    (found,) = data(tracked)
    assert (found["state"], found["attempt"], found["stored"], found["missing"]) == ("overdue", 2, 1, 1)
    assert (found["due_at"], found["run_id"], found["message"]) == ("2026-11-20T23:00:00Z", None, None)


def test_a_session_nobody_has_run_for_is_told_as_well(tracked: str) -> None:
    assert overdue(tracked, "2026-11-20 18:00", attempts=0) == FRI
    assert data(tracked)[0]["message"] == "No end-of-day run was made for it"


def test_a_half_day_is_due_at_three_and_a_plan_of_the_next_day_ninety_minutes_after_its_first_attempt(
    tracked: str,
) -> None:
    assert overdue(tracked, "2026-11-27 14:59") is None
    assert overdue(tracked, "2026-11-27 15:00") == HALF_DAY
    assert overdue(tracked, "2026-12-01 01:59", same_day=False) is None
    assert overdue(tracked, "2026-12-01 02:00", same_day=False) == date(2026, 11, 30)


def test_a_complete_session_and_a_store_that_tracks_nothing_are_silent(tracked: str) -> None:
    engine = open_engine(tracked)
    write_universe(engine, "tests", "list", "tests", ("AAA",), track_from=MON, now=NOW)
    assert overdue(tracked, "2026-11-20 19:00") is None
    write_universe(engine, "tests", "list", "tests", ("AAA", "BBB"), track_from=None, now=NOW + timedelta(minutes=1))
    assert overdue(tracked, "2026-11-20 19:00") is None
    assert data(tracked) == []
