"""The end-of-day schedule, tick by tick: when it launches, and in which words it does not."""

from datetime import UTC, date, datetime

import dagster as dg
import psycopg
import pytest

from tickstock_dagster.defs.orphans import PROCESS_TAG, this_process
from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import FRI, Factory, all_definitions
from tickstock_dagster_tests.defs.ticking import eastern, record_run, tick


def enqueue(run_id: str, storage_url: str) -> None:
    """Put a run into the queue: Dagster does that only with runs of a code location's server."""
    with psycopg.connect(storage_url) as connection:
        connection.execute("UPDATE runs SET status = 'QUEUED' WHERE run_id = %s", [run_id])


@pytest.fixture
def tracking(factory_on_postgres: Factory) -> Factory:
    """Something is tracked and nothing is stored."""
    factory_on_postgres.track(since=date(2025, 1, 2))
    return factory_on_postgres


@pytest.mark.parametrize(
    ("moment", "session", "waits"),
    [
        ("2026-11-20 16:30", "2026-11-20", "2026-11-20 closed; its first attempt is at 16:30 EST"),
        ("2026-11-27 13:30", "2026-11-27", "2026-11-27 closed; its first attempt is at 13:30 EST"),  # half day
        ("2025-12-24 13:30", "2025-12-24", "2025-12-24 closed; its first attempt is at 13:30 EST"),
        ("2026-03-06 16:30", "2026-03-06", "2026-03-06 closed; its first attempt is at 16:30 EST"),
        ("2026-03-09 16:30", "2026-03-09", "2026-03-09 closed; its first attempt is at 16:30 EDT"),
        ("2026-10-30 16:30", "2026-10-30", "2026-10-30 closed; its first attempt is at 16:30 EDT"),
        ("2026-11-02 16:30", "2026-11-02", "2026-11-02 closed; its first attempt is at 16:30 EST"),
    ],
)
def test_the_first_attempt_is_half_an_hour_after_the_close_of_that_very_day(
    tracking: Factory, moment: str, session: str, waits: str
) -> None:
    due = eastern(moment)
    assert tick(tracking, "us_eod_schedule", due.replace(minute=15)) == waits
    request = tick(tracking, "us_eod_schedule", due)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == (session, f"{session}/1")
    assert request.tags == {SESSION_TAG: session, TRIGGER_TAG: "eod", "dagster/priority": "10"}
    assert tracking.vendor.stats()["total"] == 0, "the schedule asks nobody"


def test_the_request_is_one_that_dagster_can_launch(tracking: Factory) -> None:
    moment = eastern("2026-11-20 16:30")
    context = dg.build_schedule_context(
        instance=tracking.instance,
        scheduled_execution_time=moment,
        resources=tracking.resources(moment),
        repository_def=all_definitions().get_repository_def(),
    )
    requests = all_definitions().resolve_schedule_def("us_eod_schedule").evaluate_tick(context).run_requests
    assert [request.tags["dagster/partition"] for request in requests or []] == ["2026-11-20"]


def test_a_complete_session_is_left_alone_on_its_evening_on_the_weekend_and_on_the_next_morning(
    tracking: Factory,
) -> None:
    assert tracking.run("us_eod", FRI).success
    for moment, reason in {
        "2026-11-20 20:00": "2026-11-20 is complete; next is 2026-11-23",
        "2026-11-21 16:30": "2026-11-21 is not a session; 2026-11-20 is complete; next is 2026-11-23",
        "2026-11-22 10:00": "2026-11-22 is not a session; 2026-11-20 is complete; next is 2026-11-23",
        "2026-11-23 15:45": "2026-11-20 is complete; next is 2026-11-23",
    }.items():
        assert tick(tracking, "us_eod_schedule", eastern(moment)) == reason


def test_a_holiday_is_named(tracking: Factory) -> None:
    assert tracking.run("us_eod", date(2026, 9, 4)).success
    assert tick(tracking, "us_eod_schedule", eastern("2026-09-07 16:30")) == (
        "2026-09-07 is not a session; 2026-09-04 is complete; next is 2026-09-08"
    )


def test_an_override_is_obeyed_at_the_next_tick(tracking: Factory) -> None:
    tracking.override(FRI, "close_at", datetime(2026, 11, 20, 18, tzinfo=UTC))
    assert tick(tracking, "us_eod_schedule", eastern("2026-11-20 13:15")) == (
        "2026-11-20 closed; its first attempt is at 13:30 EST"
    )
    assert isinstance(tick(tracking, "us_eod_schedule", eastern("2026-11-20 13:30")), dg.RunRequest)
    tracking.execute("UPDATE market_calendar_overrides SET revoked_at = now()")
    tracking.override(FRI, "remove")
    request = tick(tracking, "us_eod_schedule", eastern("2026-11-20 16:30"))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-19", "the latest session that there was"


def test_a_session_that_an_override_added_has_no_partition_and_names_the_command_that_loads_it(
    tracking: Factory,
) -> None:
    tracking.override(date(2026, 11, 21), "add", datetime(2026, 11, 21, 21, tzinfo=UTC))
    assert tick(tracking, "us_eod_schedule", eastern("2026-11-21 16:30")) == (
        "2026-11-21 was added by an override and has no partition: `tickstock eod --session 2026-11-21` loads it"
    )


def test_a_plan_without_same_day_bars_waits_for_the_next_day(tracking: Factory) -> None:
    tracking.configure(MASSIVE_PLAN="free")
    assert tick(tracking, "us_eod_schedule", eastern("2026-11-20 16:30")) == (
        "2026-11-20 closed; its first attempt is at 00:30 EST"
    )
    request = tick(tracking, "us_eod_schedule", eastern("2026-11-21 00:30"))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-20"


def test_nothing_tracked_is_said(factory_on_postgres: Factory) -> None:
    assert tick(factory_on_postgres, "us_eod_schedule", eastern("2026-11-20 16:30")) == (
        "nothing is tracked on 2026-11-20: load a profile or track a universe first"
    )


def test_a_second_attempt_is_the_sensors(tracking: Factory) -> None:
    record_run(tracking, dg.DagsterRunStatus.FAILURE)
    assert tick(tracking, "us_eod_schedule", eastern("2026-11-20 16:45")) == (
        "2026-11-20 was attempted before; us_eod_sensor makes further attempts"
    )


@pytest.mark.parametrize("status", ["QUEUED", "STARTED"])
def test_a_run_under_way_is_waited_for_whoever_launched_it(tracking: Factory, storage_url: str, status: str) -> None:
    run_id = record_run(tracking, dg.DagsterRunStatus.STARTED, **{TRIGGER_TAG: "backfill", PROCESS_TAG: this_process()})
    if status == "QUEUED":
        enqueue(run_id, storage_url)
    assert tick(tracking, "us_eod_schedule", eastern("2026-11-20 16:30")) == (
        "a run for 2026-11-20 is queued or started"
    )


def test_a_run_whose_process_is_gone_is_not_waited_for(tracking: Factory) -> None:
    host, pid, _ = this_process().split(":")
    run_id = record_run(tracking, dg.DagsterRunStatus.STARTED, **{PROCESS_TAG: f"{host}:{pid}:1000000000"})
    assert tick(tracking, "us_eod_schedule", eastern("2026-11-20 16:30")) == (
        "2026-11-20 was attempted before; us_eod_sensor makes further attempts"
    )
    run = tracking.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE
