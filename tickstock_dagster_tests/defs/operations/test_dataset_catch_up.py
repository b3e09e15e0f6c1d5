"""The sensor that requests owed fair values and correlations again, and what requests the other datasets."""

from datetime import datetime
from importlib import import_module

import dagster as dg
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.owed_datasets import DATASETS
from tickstock_dagster.defs.tags import CATCH_UP, RANGE_END, RANGE_START, TRIGGER_TAG
from tickstock_dagster_tests.adapters.store_helpers import batch
from tickstock_dagster_tests.defs.factory import FRI, THU, WED, Factory, all_definitions
from tickstock_dagster_tests.defs.ticking import EOD_TAGS, eastern

EVENING = eastern("2026-11-20 20:00")
LATER = eastern("2026-11-20 20:05")


def look(factory: Factory, moment: datetime, cursor: str | None = None) -> tuple[dg.RunRequest | str, str]:
    """What the sensor does at a moment, and its cursor afterwards."""
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(moment), cursor=cursor)
    answer = all_definitions().resolve_sensor_def("us_dataset_catch_up_sensor")(context)
    assert isinstance(answer, dg.SensorResult)
    if answer.skip_reason:
        return answer.skip_reason.skip_message or "", answer.cursor or ""
    assert answer.run_requests is not None
    [request] = answer.run_requests
    return request, answer.cursor or ""


@pytest.fixture
def silent(factory_on_postgres: Factory) -> Factory:
    """Bars of Wednesday to Friday; SPY did not trade on the last two, and nothing has valued it."""
    factory = factory_on_postgres
    factory.track(since=WED)
    assert factory.run("us_eod", WED, FRI, now=EVENING, tags=EOD_TAGS).success
    [spy] = factory.rows("SELECT security_id FROM ticker_intervals WHERE ticker = 'SPY'")
    factory.execute("DELETE FROM ohlcv_daily WHERE security_id = %s AND session >= %s", spy, THU)
    gap = {"security_id": spy, "ticker": "SPY", "reason": "no_trade", "evidence": "because", "retry_at": None}
    store_batch(factory.engine, batch(gaps=[{**gap, "session": day} for day in (THU, FRI)]))
    return factory


def value(factory: Factory, request: dg.RunRequest | str, moment: datetime) -> dg.ExecuteInProcessResult:
    assert isinstance(request, dg.RunRequest)
    assert request.job_name == "us_fair_values"
    return factory.run("us_fair_values", now=moment, tags=request.tags)


def test_values_that_no_run_has_made_are_requested_after_a_grace_and_once(silent: Factory) -> None:
    waits, cursor = look(silent, EVENING)
    owed = "fair values: 2 owed sessions, 2026-11-19 to 2026-11-20"
    assert waits == f"{owed}; requested here from 20:05 EST on"
    request, cursor = look(silent, LATER, cursor)
    assert isinstance(request, dg.RunRequest)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(THU), str(FRI))
    assert (request.tags[TRIGGER_TAG], request.tags["dagster/priority"]) == (CATCH_UP, "1")
    job = all_definitions().resolve_job_def("us_fair_values")
    run = silent.instance.create_run_for_job(job, tags=request.tags, status=dg.DagsterRunStatus.STARTED)
    assert look(silent, LATER, cursor)[0] == f"{owed}; a run of us_fair_values is queued or started"
    silent.instance.delete_run(run.run_id)
    assert value(silent, request, LATER).success
    assert silent.rows("SELECT session FROM fair_values ORDER BY session") == [THU, FRI]
    assert look(silent, LATER, cursor) == ("nothing is owed besides bars", "{}")


def test_a_run_in_vain_is_repeated_after_longer_and_longer_waits(silent: Factory) -> None:
    _, cursor = look(silent, EVENING)
    request, cursor = look(silent, LATER, cursor)
    assert isinstance(request, dg.RunRequest)
    job = all_definitions().resolve_job_def("us_fair_values")
    silent.instance.create_run_for_job(job, tags=request.tags, status=dg.DagsterRunStatus.SUCCESS)
    assert str(look(silent, LATER, cursor)[0]).endswith("after former runs; they wait until 2026-11-20 20:20 EST")
    again, _ = look(silent, eastern("2026-11-20 20:20"), cursor)
    assert isinstance(again, dg.RunRequest)
    assert again.run_key != request.run_key


def test_what_another_sensor_requests_is_named(silent: Factory) -> None:
    silent.execute("DELETE FROM work_units WHERE kind IN ('splits', 'dividends')")
    silent.execute("DELETE FROM bar_gaps")
    assert look(silent, EVENING)[0] == "actions: 3 owed, requested by us_catch_up_sensor"


def test_nothing_is_owed_before_anything_is_tracked(factory_on_postgres: Factory) -> None:
    assert look(factory_on_postgres, EVENING)[0] == "nothing is owed besides bars"


def test_every_dataset_has_something_that_requests_it_again() -> None:
    repository = all_definitions().get_repository_def()
    recovered_by = import_module("tickstock_dagster.defs.operations.dataset_catch_up").RECOVERED_BY
    assert set(recovered_by) == {one.dataset for one in DATASETS}
    sensors = {sensor.name for sensor in repository.sensor_defs}
    assert {name for name in recovered_by.values() if name.endswith("_sensor")} <= sensors


def test_the_catch_up_of_bars_names_what_else_is_owed(silent: Factory) -> None:
    context = dg.build_sensor_context(instance=silent.instance, resources=silent.resources(EVENING))
    answer = all_definitions().resolve_sensor_def("us_catch_up_sensor")(context)
    assert isinstance(answer, dg.SkipReason)
    assert answer.skip_message == (
        "nothing is owed before 2026-11-20; owed: fair values of 2 sessions, the newest 2026-11-20 (never_asked)"
    )
