"""The checks behind runs of bars that did not succeed, and the partitions of runs that ended without a report."""

import dagster as dg
import pytest

from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import FRI, MON, THU, TUE, Factory, all_definitions
from tickstock_dagster_tests.defs.ticking import record_run

SESSION_BARS = dg.AssetKey(["us", "session_bars"])


def answer(factory: Factory, run_id: str, sensor: str = "checks_of_failed_runs_sensor") -> list[str] | str:
    """What the sensor says to a run that failed: the jobs that it requests, or why it skips."""
    run = factory.instance.get_run_by_id(run_id)
    assert run is not None
    event = dg.DagsterEvent(event_type_value="PIPELINE_FAILURE", job_name=run.job_name)
    context = dg.build_run_status_sensor_context(sensor, event, factory.instance, run)
    found = all_definitions().resolve_sensor_def(sensor)(context)
    if isinstance(found, dg.SkipReason):
        return found.skip_message or ""
    return [request.job_name or "" for request in found]


def failed_partitions(factory: Factory, *days: object) -> list[str]:
    partitions = all_definitions().resolve_asset_graph().get(SESSION_BARS).partitions_def
    found = factory.instance.get_status_by_partition(SESSION_BARS, [str(day) for day in days], partitions) or {}
    return [key for key, status in found.items() if status and status.value == "FAILED"]


def test_a_failed_run_of_bars_is_followed_by_their_checks_alone(factory: Factory) -> None:
    failed = record_run(factory, dg.DagsterRunStatus.FAILURE)
    assert answer(factory, failed) == ["us_bar_checks"]
    assert answer(factory, failed, "checks_of_cancelled_runs_sensor") == ["us_bar_checks"]
    by_command = record_run(factory, dg.DagsterRunStatus.FAILURE, **{TRIGGER_TAG: "cli"})
    assert answer(factory, by_command) == "the command that launched the run evaluates the checks itself"


@pytest.mark.parametrize(
    ("asset", "jobs"), [("xtks/session_bars", ["xtks_bar_checks"]), ("us/fair_values", "the run loaded no bars")]
)
def test_a_run_of_the_dialog_is_followed_by_the_checks_of_what_it_loaded(
    factory: Factory, asset: str, jobs: list[str] | str
) -> None:
    job = all_definitions().resolve_implicit_global_asset_job_def()
    chosen = {dg.AssetKey(asset.split("/"))}
    run = factory.instance.create_run_for_job(job, asset_selection=chosen, status=dg.DagsterRunStatus.FAILURE)
    assert answer(factory, run.run_id) == jobs


def test_sessions_of_a_run_that_was_killed_are_marked_unless_they_were_there_before(factory: Factory) -> None:
    factory.track()
    assert factory.run("us_eod", TUE).success
    killed = record_run(factory, dg.DagsterRunStatus.FAILURE, **{RANGE_START: str(MON), RANGE_END: str(THU)})
    assert answer(factory, killed) == ["us_bar_checks"]
    assert failed_partitions(factory, MON, TUE, THU, FRI) == [str(MON), str(THU)]
