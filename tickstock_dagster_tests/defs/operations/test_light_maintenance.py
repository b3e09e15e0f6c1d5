"""Light maintenance as a job and a schedule: after every session of every market with bars, never beside a load."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from tickstock_dagster.defs.tags import CATCH_UP, FOLLOWED_TAG, MARKET_TAG, TRIGGER_TAG, eod_tags
from tickstock_dagster_tests.defs.bars.bar_file import write_bars
from tickstock_dagster_tests.defs.factory import FRI, THU, Factory, all_definitions, failure_of
from tickstock_dagster_tests.defs.ticking import eastern, record_run, tick

SCHEDULE = "light_maintenance_schedule"


def run(factory: Factory, now: datetime, request: dg.RunRequest | str) -> dg.ExecuteInProcessResult:
    """Execute the run that the schedule requests."""
    assert isinstance(request, dg.RunRequest), request
    factory.vendor.set_now(now)
    job = all_definitions().resolve_job_def("light_maintenance")
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


def facts(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """The metadata of the op's output."""
    [event] = [event for event in result.events_for_node("maintain_after_session") if event.is_successful_output]
    return {name: value.value for name, value in event.step_output_data.metadata.items()}


def test_every_session_is_followed_by_its_own_and_closed_days_have_theirs(factory_on_postgres: Factory) -> None:
    factory = factory_on_postgres
    factory.track()
    evening = eastern("2026-11-19 17:00")
    assert factory.run("us_eod", THU, now=evening).success
    assert tick(factory, SCHEDULE, eastern("2026-11-19 16:45")) == (
        "2026-11-19 closed; light maintenance begins at 17:00 EST"
    )
    request = tick(factory, SCHEDULE, evening)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "XNYS/2026-11-19/1"
    assert request.tags == {FOLLOWED_TAG: str(THU), TRIGGER_TAG: "light_maintenance", "dagster/priority": "1"}
    result = run(factory, evening, request)
    assert result.success, failure_of(result)
    done = facts(result)
    assert (done["session"], done["market"], done["bars_expected"], done["bars_stored"]) == (str(THU), "XNYS", 3, 3)
    assert [count for name, count in done.items() if name.startswith("violations_of_")] == [0, 0, 0, 0]
    assert done["tables_skipped"] == "none"
    assert tick(factory, SCHEDULE, eastern("2026-11-19 17:15")) == (
        "light maintenance after 2026-11-19 is done; next is from 2026-11-20 17:00 EST on"
    )
    # The half day closes at 13:00; closed days follow it, and have intensive maintenance besides.
    assert "begins at 14:00 EST" in str(tick(factory, SCHEDULE, eastern("2026-11-27 13:45")))
    assert isinstance(tick(factory, SCHEDULE, eastern("2026-11-27 14:00")), dg.RunRequest)
    assert isinstance(tick(factory, "maintenance_schedule", eastern("2026-11-27 14:00")), dg.RunRequest)
    assert factory.rows("SELECT kind, session FROM maintenance_runs") == [("light", THU)]


def test_it_waits_for_loads_of_any_market_and_for_the_other_maintenance(factory_on_postgres: Factory) -> None:
    factory, moment = factory_on_postgres, eastern("2026-11-20 17:00")
    loading = "a run that loads sessions is queued or started; light maintenance follows it"
    for tags in ({}, {TRIGGER_TAG: CATCH_UP}, eod_tags(FRI, "XTKS")):
        run_id = record_run(factory, dg.DagsterRunStatus.STARTED, **tags)
        assert tick(factory, SCHEDULE, moment) == loading
        assert "maintenance follows it" in str(tick(factory, "maintenance_schedule", moment))
        factory.instance.delete_run(run_id)
    request = tick(factory, "maintenance_schedule", moment)
    assert isinstance(request, dg.RunRequest)
    job = all_definitions().resolve_job_def("maintenance")
    begun = factory.instance.create_run_for_job(job, tags=request.tags, status=dg.DagsterRunStatus.STARTED)
    assert tick(factory, SCHEDULE, moment) == "maintenance is queued or started"
    factory.instance.delete_run(begun.run_id)
    light = tick(factory, SCHEDULE, moment)
    assert isinstance(light, dg.RunRequest)
    job = all_definitions().resolve_job_def("light_maintenance")
    factory.instance.create_run_for_job(job, tags=light.tags, status=dg.DagsterRunStatus.STARTED)
    assert tick(factory, "maintenance_schedule", moment) == "maintenance after 2026-11-20 is queued or started"


def test_tokyo_has_its_own_after_its_own_close(factory_on_postgres: Factory, tmp_path: Path) -> None:
    factory = factory_on_postgres
    moment = datetime(2026, 11, 20, 16, 30, tzinfo=ZoneInfo("Asia/Tokyo"))  # 02:30 in New York
    assert run(factory, moment, tick(factory, SCHEDULE, moment)).success, "Thursday's, of New York"
    assert "XTKS" not in str(tick(factory, SCHEDULE, moment)), "a market without a file is not maintained"
    factory.configure(TICKSTOCK_FILES_XTKS=f"files:{write_bars(tmp_path / 'tokyo.parquet', (FRI,))}")
    assert factory.run("xtks_eod", FRI, now=moment, tags=eod_tags(FRI, "XTKS")).success
    request = tick(factory, SCHEDULE, moment)
    assert isinstance(request, dg.RunRequest)
    assert (request.run_key, request.tags[MARKET_TAG]) == ("XTKS/2026-11-20/1", "XTKS")
    result = run(factory, moment, request)
    assert result.success
    assert facts(result)["bars_stored"] == 3
    done = "light maintenance after 2026-11-20 is done; next is from 2026-11-24 16:30 JST on"
    assert str(tick(factory, SCHEDULE, moment)).endswith(f"; XTKS: {done}")


def test_a_broken_rule_fails_the_run_by_name_and_the_rest_is_done(factory_on_postgres: Factory) -> None:
    factory, evening = factory_on_postgres, eastern("2026-11-20 17:00")
    factory.track()
    assert factory.run("us_eod", FRI, now=evening).success
    factory.execute("ALTER TABLE ohlcv_daily DROP CONSTRAINT ohlcv_daily_close_inside")
    factory.execute("UPDATE ohlcv_daily SET close = high + 1 WHERE ticker = 'AAPL'")
    factory.execute(
        "INSERT INTO adjustment_factors SELECT security_id, '{}', '{}', '{}', '{}', '2030-01-02' FROM ticker_intervals "
        "WHERE ticker = 'SPY' ON CONFLICT (security_id) DO UPDATE SET pending_from = '2030-01-02'"
    )
    words = failure_of(run(factory, evening, tick(factory, SCHEDULE, evening)))
    assert words.startswith("what was stored since 2026-11-20 breaks rules: ohlc_invariants: ")
    assert "AAPL 2026-11-20" in words
    assert "adjusted_prices: SPY: adjustment_factors are not what its actions and closes say" in words
    assert "light maintenance after 2026-11-20 is done" in str(tick(factory, SCHEDULE, evening))
