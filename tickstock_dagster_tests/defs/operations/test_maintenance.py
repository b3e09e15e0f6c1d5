"""Maintenance as a job and a schedule: launched once in each stretch of closed days, holidays included."""

from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from tickstock_dagster.defs.tags import SESSION_TAG, STRETCH_TAG, TRIGGER_TAG
from tickstock_dagster_tests.adapters.universes.sync_world import FRI, THU, fill
from tickstock_dagster_tests.defs.factory import Factory, all_definitions, failure_of
from tickstock_dagster_tests.defs.ticking import eastern, record_run, tick
from tickstock_dagster_tests.defs.universes.test_sensors import declare

SCHEDULE = "maintenance_schedule"
WED, HALF_DAY = date(2026, 11, 25), date(2026, 11, 27)
BARS = "SELECT xmin::text, * FROM ohlcv_daily ORDER BY security_id, session"


def run(factory: Factory, now: datetime, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Execute the run that the schedule requests."""
    factory.vendor.set_now(now)
    job = all_definitions().resolve_job_def("maintenance")
    return job.execute_in_process(
        instance=factory.instance,
        raise_on_error=False,
        tags=request.tags,
        run_config={
            **request.run_config,
            "resources": {"clock": {"config": {"fixed": now.astimezone(UTC).isoformat()}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )


def facts(result: dg.ExecuteInProcessResult, op: str) -> dict[str, Any]:
    """The metadata of an op's output."""
    [event] = [event for event in result.events_for_node(op) if event.is_successful_output]
    return {name: value.value for name, value in event.step_output_data.metadata.items()}


def test_thanksgiving_blocks_its_fetch_and_no_maintenance_and_the_weekend_has_its_own(
    factory_on_postgres: Factory,
) -> None:
    factory = factory_on_postgres
    fill(factory.database_url)
    declare(factory, WED)
    bars = factory.rows(BARS)
    assert len(bars) > 0
    assert tick(factory, SCHEDULE, eastern("2026-11-25 16:45")) == (
        "2026-11-25 closed; maintenance begins at 17:00 EST"
    )
    holiday = eastern("2026-11-26 10:00")
    asked = tick(factory, "us_eod_schedule", holiday)
    assert isinstance(asked, dg.RunRequest)
    assert asked.partition_key == "2026-11-25", "what is owed, never the holiday"
    request = tick(factory, SCHEDULE, holiday)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-11-25/1"
    assert request.tags == {STRETCH_TAG: "2026-11-25", TRIGGER_TAG: "maintenance", "dagster/priority": "1"}
    result = run(factory, holiday, request)
    assert result.success, failure_of(result)
    done = facts(result, "maintain_store")
    assert (done["session"], done["removed_vendor_calls"], done["tables_skipped"]) == ("2026-11-25", 0, "none")
    assert done["tables_vacuumed"] > 25
    assert done["wrong_factors"] == 0
    assert "| ohlcv_daily |" in done["largest_tables"]
    assert facts(result, "correlation_history")["sessions_without_values"] == 1
    assert factory.rows(BARS) == bars
    assert tick(factory, SCHEDULE, holiday.replace(hour=11)) == (
        "maintenance after 2026-11-25 is done; next is after 2026-11-27, from 2026-11-27 14:00 EST on"
    )
    # The half day closes at 13:00, and the weekend begins an hour later.
    assert "begins at 14:00 EST" in str(tick(factory, SCHEDULE, eastern("2026-11-27 13:45")))
    weekend = tick(factory, SCHEDULE, eastern("2026-11-27 14:00"))
    assert isinstance(weekend, dg.RunRequest)
    assert weekend.run_key == f"{HALF_DAY}/1"
    again = run(factory, eastern("2026-11-27 14:00"), weekend)
    assert {value for name, value in facts(again, "maintain_store").items() if name.startswith("removed_")} == {0}
    assert factory.rows("SELECT session FROM maintenance_runs ORDER BY 1") == [WED, HALF_DAY]
    assert factory.rows(BARS) == bars


def test_it_waits_for_an_end_of_day_run_and_the_end_of_day_does_not_wait_for_it(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track()
    moment = eastern("2026-11-20 17:00")
    run_id = record_run(factory, dg.DagsterRunStatus.STARTED)
    assert tick(factory, SCHEDULE, moment) == "an end-of-day run is queued or started; maintenance follows it"
    factory.instance.delete_run(run_id)
    request = tick(factory, SCHEDULE, moment)
    assert isinstance(request, dg.RunRequest)
    job = all_definitions().resolve_job_def("maintenance")
    begun = factory.instance.create_run_for_job(job, tags=request.tags, status=dg.DagsterRunStatus.STARTED)
    assert tick(factory, SCHEDULE, moment) == "maintenance after 2026-11-20 is queued or started"
    assert isinstance(tick(factory, "us_eod_schedule", moment), dg.RunRequest)
    factory.instance.delete_run(begun.run_id)
    for _ in range(3):
        factory.instance.create_run_for_job(job, tags=request.tags, status=dg.DagsterRunStatus.FAILURE)
    assert "3 runs after 2026-11-20 failed" in str(tick(factory, SCHEDULE, moment))


def test_afterwards_the_universes_of_the_latest_complete_session_are_asked_for_once_more(
    factory_on_postgres: Factory,
) -> None:
    factory = factory_on_postgres
    fill(factory.database_url)
    job = all_definitions().resolve_job_def("maintenance")
    run_of_it = factory.instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)

    def look() -> dg.RunRequest | str:
        context = dg.build_run_status_sensor_context(
            sensor_name="maintenance_universes_sensor",
            dagster_instance=factory.instance,
            dagster_run=run_of_it,
            dagster_event=dg.DagsterEvent("PIPELINE_SUCCESS", job.name),
            resources={"warehouse": factory.resources(eastern("2026-11-21 12:00"))["warehouse"]},
        )
        answer = all_definitions().resolve_sensor_def("maintenance_universes_sensor")(context)
        return answer.skip_message or "" if isinstance(answer, dg.SkipReason) else answer

    assert look() == "the universes of every complete session are synchronised"
    declare(factory, THU, FRI)
    request = look()
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.tags) == (str(FRI), {SESSION_TAG: str(FRI), TRIGGER_TAG: "maintenance"})
    sync = all_definitions().resolve_job_def("universe_sync")
    factory.instance.create_run_for_job(sync, tags=request.tags, status=dg.DagsterRunStatus.STARTED)
    assert look() == "a run for 2026-11-20 is queued or started"
