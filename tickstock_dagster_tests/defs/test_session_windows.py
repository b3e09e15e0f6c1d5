"""Partitions by session answer as the daily definition of Dagster does that they stand for."""

import inspect
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice

import dagster as dg
import pytest
from dagster import TimeWindow
from dagster._core.definitions.partitions.snap import PartitionsSnap
from dagster._serdes import deserialize_value, serialize_value

from tickstock_dagster.core.calendars.session_calendar import LAST_DAY, library_calendar, partition_exclusions
from tickstock_dagster.defs.session_windows import SessionPartitions, session_partitions

START = date(2015, 1, 5)
HOUR = 3_600.0
MOMENTS = [
    datetime(year, month, day, tzinfo=UTC).timestamp() + hours * HOUR
    for year, month, day in ((2014, 12, 24), (2020, 2, 29), (2026, 3, 6), (2026, 11, 26), (2050, 12, 29), (2052, 1, 1))
    for hours in (0, 1, 4, 5, 9.5, 15, 23, 24)
]
"""Midnights of each zone, and others; before the start, at changes of clocks and holidays, after the calendars' end."""


@pytest.fixture(params=["XNYS", "XTKS", "XLON"])
def ours(request: pytest.FixtureRequest) -> SessionPartitions:
    return session_partitions(request.param, START)


@pytest.mark.parametrize("market", ["XNYS", "XTKS", "XLON", "XETR"])
def test_the_days_left_out_are_those_on_which_the_calendar_has_no_session(market: str) -> None:
    calendar = library_calendar(market)
    left_out = session_partitions(market, START).exclusions
    midnights = partition_exclusions(calendar, START, LAST_DAY)
    assert [at.timestamp for at in left_out[2:]] == [midnight.timestamp() for midnight in midnights]
    assert session_partitions(market, START).timezone == str(calendar.timezone)


def plain(ours: SessionPartitions) -> dg.DailyPartitionsDefinition:
    """The same definition, as Dagster has it."""
    return dg.DailyPartitionsDefinition(
        start_date=ours.start_ts, timezone=ours.timezone, end_offset=ours.end_offset, exclusions=ours.exclusions
    )


def some(windows: Iterator[TimeWindow]) -> list[TimeWindow]:
    return list(islice(windows, 4))


def test_it_is_the_plain_definition_to_whoever_compares_or_stores_it(ours: SessionPartitions) -> None:
    base = plain(ours)
    assert (ours, hash(ours), repr(ours)) == (base, hash(base), repr(base))
    assert ours.get_serializable_unique_identifier() == base.get_serializable_unique_identifier()
    stored = deserialize_value(serialize_value(PartitionsSnap.from_def(ours)), PartitionsSnap)
    assert stored.get_partitions_definition() == ours
    subset = ours.subset_with_partition_keys(["2026-11-25"]).to_serializable_subset()
    assert type(deserialize_value(serialize_value(subset)).partitions_def) is dg.TimeWindowPartitionsDefinition


@pytest.mark.parametrize("ignoring", [False, True])
def test_its_windows_are_those_of_the_plain_definition(ours: SessionPartitions, ignoring: bool) -> None:
    base = plain(ours)
    for at in MOMENTS:
        assert some(ours._iterate_time_windows(at, ignoring)) == some(base._iterate_time_windows(at, ignoring))
        expected = some(base._reverse_iterate_time_windows(at, ignoring))
        assert some(ours._reverse_iterate_time_windows(at, ignoring)) == expected
        assert [ours.is_window_start_excluded(window.start) for window in expected] == [
            base.is_window_start_excluded(window.start) for window in expected
        ]


@pytest.mark.parametrize("at", ["2015-01-03T12", "2015-01-05T03", "2015-01-05T05", "2015-04-03T12", "2015-04-04T23"])
def test_its_keys_up_to_a_moment_are_those_of_the_plain_definition(ours: SessionPartitions, at: str) -> None:
    with dg.partition_loading_context(effective_dt=datetime.fromisoformat(f"{at}:00+00:00")):
        assert ours.get_partition_keys() == plain(ours).get_partition_keys()


def test_a_range_is_the_same_subset(ours: SessionPartitions) -> None:
    base = plain(ours)
    with dg.partition_loading_context(effective_dt=datetime(2026, 11, 20, 18, tzinfo=UTC)):
        keys = ours.get_partition_keys()
        assert keys == base.get_partition_keys()
        span = dg.PartitionKeyRange(keys[-400], keys[-1])
        subset = ours.empty_subset().with_partition_key_range(ours, span)
        assert subset == base.empty_subset().with_partition_key_range(base, span)
        assert len(subset) == 400


@pytest.mark.parametrize("name", ["_iterate_time_windows", "_reverse_iterate_time_windows", "is_window_start_excluded"])
def test_dagster_has_the_methods_that_are_overridden(name: str) -> None:
    """An upgrade that renames one, or gives it other arguments, would go its own slow way, or another."""
    ours, base = (getattr(of, name) for of in (SessionPartitions, dg.TimeWindowPartitionsDefinition))
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(base).parameters)


def test_other_exclusions_are_refused() -> None:
    odd = SessionPartitions(start_date="2026-01-05", exclusions=["0 0 * * 5"])
    with pytest.raises(ValueError, match="days without weekends"):
        odd.get_partition_keys()
