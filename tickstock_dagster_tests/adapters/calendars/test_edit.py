"""Overrides put in force and withdrawn: what is kept, who is told, and that the copy for readers follows."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tickstock_dagster.adapters.calendars.edit import override_history, put_override, withdraw_override
from tickstock_dagster.adapters.calendars.store import calendar_in_force, copy_calendars
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.core.calendars.overrides import CalendarOverride, requested_override
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster_tests.adapters.store_helpers import as_role, query

XNYS = library_calendar("XNYS")
FRI, MON = date(2026, 11, 20), date(2026, 11, 23)
SATURDAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 20, 16, tzinfo=UTC)
COPY = "SELECT session, opens_at, closes_at, is_early_close FROM market_calendar WHERE calendar = 'XNYS' ORDER BY 1"
EVENTS = "SELECT event -> 'data' FROM outbox WHERE channel = 'tickstock.schedule.adjusted' ORDER BY position"
ROWS = (
    "SELECT session, action, reason, created_by, created_at, revoked_at, revoked_by, revoked_reason "
    "FROM market_calendar_overrides ORDER BY override_id"
)


def closed(day: date = FRI, reason: str = "a day of mourning") -> CalendarOverride:
    return requested_override(XNYS, day, closed=True, reason=reason)


def early(text: str = "13:00", day: date = FRI, reason: str = "a storm") -> CalendarOverride:
    return requested_override(XNYS, day, close_at=text, reason=reason)


@pytest.fixture
def engine(migrated_database_url: str) -> sa.Engine:
    """A store whose readers have their copy of 2026."""
    engine = open_engine(migrated_database_url)
    copy_calendars(engine, date(2026, 1, 1), date(2026, 12, 31))
    return engine


def test_a_closed_day_is_obeyed_kept_told_and_copied(engine: sa.Engine, migrated_database_url: str) -> None:
    change = put_override(engine, closed(), by="ann", now=NOW)
    assert change.before == XNYS.hours_of(FRI)
    assert change.after is None
    assert not calendar_in_force(engine, "XNYS").is_session(FRI)
    assert FRI not in [row[0] for row in query(migrated_database_url, COPY)]
    assert query(migrated_database_url, ROWS) == [(FRI, "remove", "a day of mourning", "ann", NOW, None, None, None)]
    [(data,)] = query(migrated_database_url, EVENTS)
    assert (data["market"], data["session"], data["adjustment_type"]) == ("XNYS", "2026-11-20", "unexpected_holiday")
    assert data["details"] == {
        "reason": "a day of mourning",
        "by": "ann",
        "source": "override",
        "before": {"opens_at": "2026-11-20T14:30:00+00:00", "closes_at": "2026-11-20T21:00:00+00:00"},
        "after": "closed",
    }


@pytest.mark.parametrize(
    ("override", "kind", "row"),
    [
        (early(), "early_close", (FRI, (14, 30), (18, 0), True)),
        (early("17:00"), "changed_hours", (FRI, (14, 30), (22, 0), False)),
        (
            requested_override(XNYS, SATURDAY, opened="09:30-12:00", reason="an extra session"),
            "added_session",
            (SATURDAY, (14, 30), (17, 0), True),
        ),
    ],
)
def test_other_changes_are_told_by_their_kind_and_copied(
    engine: sa.Engine, migrated_database_url: str, override: CalendarOverride, kind: str, row: tuple[object, ...]
) -> None:
    put_override(engine, override, by="ann", now=NOW)
    [(data,)] = query(migrated_database_url, EVENTS)
    assert data["adjustment_type"] == kind
    copied = {
        day: (day, (opens.hour, opens.minute), (closes.hour, closes.minute), is_early)
        for day, opens, closes, is_early in query(migrated_database_url, COPY)
    }
    assert copied[override.session] == row


def test_withdrawing_keeps_the_row_and_brings_the_librarys_day_back(
    engine: sa.Engine, migrated_database_url: str
) -> None:
    before = query(migrated_database_url, COPY)
    put_override(engine, closed(), by="ann", now=NOW)
    later = NOW + timedelta(hours=1)
    change = withdraw_override(engine, "XNYS", FRI, by="bob", reason="a mistake", now=later)
    assert (change.before, change.after) == (None, XNYS.hours_of(FRI))
    assert query(migrated_database_url, COPY) == before
    assert query(migrated_database_url, ROWS) == [
        (FRI, "remove", "a day of mourning", "ann", NOW, later, "bob", "a mistake")
    ]
    kinds = [data["adjustment_type"] for (data,) in query(migrated_database_url, EVENTS)]
    assert kinds == ["unexpected_holiday", "withdrawn"]
    assert [row.revoked_by for row in override_history(engine, "XNYS", FRI, FRI)] == ["bob"]


def test_the_same_override_again_changes_nothing(engine: sa.Engine, migrated_database_url: str) -> None:
    put_override(engine, early(), by="ann", now=NOW)
    again = put_override(engine, early(reason="said twice"), by="bob", now=NOW + timedelta(minutes=1))
    assert again.override_id is None
    assert len(query(migrated_database_url, ROWS)) == len(query(migrated_database_url, EVENTS)) == 1


def test_another_override_of_the_day_takes_the_place_of_the_first(
    engine: sa.Engine, migrated_database_url: str
) -> None:
    first = put_override(engine, early(), by="ann", now=NOW)
    second = put_override(engine, closed(), by="bob", now=NOW)
    assert second.replaced == first.override_id
    assert second.before is not None
    assert second.before.is_early_close
    rows = query(migrated_database_url, ROWS)
    assert [(row[1], row[6], row[7]) for row in rows] == [
        ("close_at", "bob", "replaced: a day of mourning"),
        ("remove", None, None),
    ]
    assert len(query(migrated_database_url, EVENTS)) == 2
    withdraw_override(engine, "XNYS", FRI, by="bob", reason="over", now=NOW)
    assert calendar_in_force(engine, "XNYS").hours_of(FRI) == XNYS.hours_of(FRI)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (closed(SATURDAY), "a day that is a session"),
        (early("16:00"), "another close than the present one"),
        (early("09:00"), "a close after the open"),
        (requested_override(XNYS, FRI, opened="09:30-16:00", reason="x"), "a day that is not a session yet"),
        (closed(date(1961, 12, 29)), "answers within 1962-01-01..2050-12-31"),
    ],
)
def test_what_contradicts_the_calendar_changes_nothing(
    engine: sa.Engine, migrated_database_url: str, override: CalendarOverride, words: str
) -> None:
    before = query(migrated_database_url, COPY)
    with pytest.raises(BadInputError, match=words.replace("..", r"\.\.")):
        put_override(engine, override, by="ann", now=NOW)
    assert query(migrated_database_url, ROWS) == query(migrated_database_url, EVENTS) == []
    assert query(migrated_database_url, COPY) == before


def test_nobody_no_reason_and_nothing_to_withdraw_are_refused(engine: sa.Engine, migrated_database_url: str) -> None:
    with pytest.raises(BadInputError, match="--by"):
        put_override(engine, closed(), by=" ", now=NOW)
    with pytest.raises(BadInputError, match=r"--withdraw '2026-11-20'.*none stands"):
        withdraw_override(engine, "XNYS", FRI, by="ann", reason="x", now=NOW)
    put_override(engine, closed(), by="ann", now=NOW)
    with pytest.raises(BadInputError, match="--reason"):
        withdraw_override(engine, "XNYS", FRI, by="ann", reason="", now=NOW)
    with pytest.raises(BadInputError, match="an override in force: 2026-11-20"):
        withdraw_override(engine, "XNYS", MON, by="ann", reason="x", now=NOW)
    assert len(query(migrated_database_url, EVENTS)) == 1


def test_years_that_were_not_copied_yet_are_left_to_the_copy(engine: sa.Engine, migrated_database_url: str) -> None:
    before = query(migrated_database_url, COPY)
    put_override(engine, early(day=date(2028, 11, 20)), by="ann", now=NOW)
    assert query(migrated_database_url, COPY) == before
    copy_calendars(engine, date(2028, 1, 1), date(2028, 12, 31))
    closes = {row[0]: row[2] for row in query(migrated_database_url, COPY)}
    assert closes[date(2028, 11, 20)] == datetime(2028, 11, 20, 18, tzinfo=UTC)


def test_when_the_event_cannot_be_written_nothing_else_is(engine: sa.Engine, migrated_database_url: str) -> None:
    before = query(migrated_database_url, COPY)
    query(migrated_database_url, "ALTER TABLE outbox ADD CONSTRAINT full_up CHECK (channel = '') NOT VALID")
    with pytest.raises(Exception, match="full_up"):
        put_override(engine, closed(), by="ann", now=NOW)
    assert query(migrated_database_url, ROWS) == []
    assert query(migrated_database_url, COPY) == before


def test_the_reader_may_look_and_not_change(migrated_database_url: str) -> None:
    assert as_role(migrated_database_url, "tickstock_app", "SELECT * FROM calendar_disagreements") == []
    with pytest.raises(Exception, match="permission denied"):
        as_role(migrated_database_url, "tickstock_app", "UPDATE market_calendar_overrides SET reason = 'x'")


CHANGES = st.sampled_from(
    [closed(), early(), early("12:00"), early("17:00"), closed(MON), early("11:30", MON), FRI, MON]
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(CHANGES, max_size=6))
def test_after_any_changes_the_copy_is_the_calendar_in_force_and_each_change_was_told(
    engine: sa.Engine, migrated_database_url: str, changes: list[CalendarOverride | date]
) -> None:
    told = len(query(migrated_database_url, EVENTS))
    for change in changes:
        try:
            if isinstance(change, date):
                withdraw_override(engine, "XNYS", change, by="ann", reason="x", now=NOW)
            else:
                told -= put_override(engine, change, by="ann", now=NOW).override_id is None
        except BadInputError:
            continue
        told += 1
    assert len(query(migrated_database_url, EVENTS)) == told
    assert copy_calendars(engine, date(2026, 1, 1), date(2026, 12, 31)) == 0, "nothing was left to be copied"
