"""The axes: which keys exist at which moment, and how far the grid may grow."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterUnknownPartitionError

from tickstock_dagster.core.calendars.session_calendar import library_calendar, partition_exclusions
from tickstock_dagster.core.errors import ConfigurationError
from tickstock_dagster.defs import partitions
from tickstock_dagster.defs.partitions import (
    MAX_CELLS,
    NEXT_SESSIONS,
    SESSIONS_START,
    free_ticker_keys,
    grid_start,
    session_tickers,
    sessions,
)
from tickstock_dagster.settings import load_settings

CALENDAR = library_calendar("XNYS")


def keys_at(moment: str) -> list[str]:
    return list(sessions.get_partition_keys(current_time=datetime.fromisoformat(moment)))


def test_keys_are_exactly_the_sessions_of_the_calendar() -> None:
    keys = keys_at("2026-11-20T18:00:00-05:00")
    assert keys == [str(day) for day in CALENDAR.sessions(SESSIONS_START, date(2026, 11, 20))]
    assert len(keys) == len(set(keys))


def test_keys_go_on_in_computed_years() -> None:
    keys = keys_at("2050-12-30T18:00:00-05:00")
    assert keys == [str(day) for day in CALENDAR.sessions(SESSIONS_START, date(2050, 12, 30))]


def test_keys_that_were_stored_while_the_calendars_ended_in_2030_are_the_same_keys() -> None:
    """The calendars' last day is part of the definition's identity, and of no key."""
    before = dg.DailyPartitionsDefinition(
        start_date=datetime.combine(SESSIONS_START, datetime.min.time()),
        timezone="America/New_York",
        end_offset=1,
        exclusions=["0 0 * * 6", "0 0 * * 0", *partition_exclusions(CALENDAR, SESSIONS_START, date(2030, 12, 31))],
    )
    for moment in ("2026-11-20T18:00:00-05:00", "2030-12-31T18:00:00-05:00"):
        assert before.get_partition_keys(current_time=datetime.fromisoformat(moment)) == keys_at(moment)
    key = "2026-11-20"
    assert before.time_window_for_partition_key(key) == sessions.time_window_for_partition_key(key)


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        ("2026-11-20T00:00:01-05:00", "2026-11-20"),
        ("2026-11-20T09:00:00-05:00", "2026-11-20"),
        ("2026-11-20T23:59:59-05:00", "2026-11-20"),
        ("2026-11-21T00:00:01-05:00", "2026-11-23"),  # Saturday shows Monday's
        ("2026-11-22T12:00:00-05:00", "2026-11-23"),
        ("2026-11-26T12:00:00-05:00", "2026-11-27"),  # Thanksgiving shows Friday's
        ("2026-11-27T14:00:00-05:00", "2026-11-27"),  # a half day is a day like others
        ("2026-03-06T23:00:00-05:00", "2026-03-06"),
        ("2026-03-09T00:30:00-04:00", "2026-03-09"),  # the Monday after the clocks changed
    ],
)
def test_a_sessions_key_exists_from_its_own_midnight_and_on_closed_days_the_next_ones_does(
    moment: str, last: str
) -> None:
    assert keys_at(moment)[-1] == last


@pytest.mark.parametrize("day", ["2026-11-26", "2026-12-25", "2025-01-09", "2018-12-05", "2012-10-29", "2026-11-21"])
def test_a_day_without_a_session_is_no_key(day: str) -> None:
    with dg.partition_loading_context(effective_dt=datetime(2027, 1, 4, tzinfo=UTC)) as context:
        sessions.validate_partition_key("2026-11-20", context)
        with pytest.raises(DagsterUnknownPartitionError, match=day):
            sessions.validate_partition_key(day, context)


def test_a_sessions_window_is_its_day_in_new_york_on_both_sides_of_the_clock_change() -> None:
    for key, offset in (("2026-03-06", -5), ("2026-03-09", -4), ("2026-10-30", -4), ("2026-11-02", -5)):
        start = sessions.time_window_for_partition_key(key).start
        assert start.isoformat() == f"{key}T00:00:00-0{-offset}:00"


def test_cells_are_written_date_first() -> None:
    key = dg.MultiPartitionKey({"session": "2026-11-20", "ticker": "BRK.B"})
    assert key == "2026-11-20|BRK.B"
    assert session_tickers.partition_dimension_names == ["session", "ticker"]


def test_the_grid_has_room_for_as_many_tickers_as_keep_it_within_dagsters_guidance_a_year_on() -> None:
    now = datetime(2026, 11, 22, 15, tzinfo=UTC)
    room = free_ticker_keys(now, 0)
    next_year = CALENDAR.session_count(grid_start(), date(2026, 11, 22)) + NEXT_SESSIONS
    assert room * next_year <= MAX_CELLS < (room + 1) * next_year
    assert free_ticker_keys(now, 100) == room - 100
    assert free_ticker_keys(now, room) == 0
    assert free_ticker_keys(now, room + 7) == 0
    assert free_ticker_keys(now + timedelta(days=365), 0) < room


def test_a_grid_that_begins_earlier_has_room_for_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 11, 22, 15, tzinfo=UTC)
    room = free_ticker_keys(now, 0)
    monkeypatch.setenv("TICKSTOCK_SYMBOL_GRID_START", "2021-01-04")
    load_settings.cache_clear()
    assert free_ticker_keys(now, 0) < room / 2


@pytest.mark.parametrize("text", ["2025-01-01", "2025-01-04", "2025-13-01", "2003-09-09", "2051-01-03"])
def test_a_grid_that_does_not_begin_at_a_session_is_refused_by_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKSTOCK_SYMBOL_GRID_START", text)
    load_settings.cache_clear()
    words = f"TICKSTOCK_SYMBOL_GRID_START:? '?{text}'? is (no day|not a session|not between)"
    with pytest.raises(ConfigurationError, match=words):
        partitions.grid_start()


def test_a_text_that_is_no_date_at_all_is_refused_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKSTOCK_SYMBOL_GRID_START", "yesterday")
    load_settings.cache_clear()
    with pytest.raises(ConfigurationError, match="TICKSTOCK_SYMBOL_GRID_START"):
        partitions.grid_start()
