"""The sensors about universes: which session is next, in which words none is, and the grids after a run."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.adapters.universes.sync_world import FRI, THU, fill
from tickstock_dagster_tests.defs.factory import SUNDAY, Factory, all_definitions
from tickstock_dagster_tests.defs.materialising import materialise
from tickstock_dagster_tests.defs.universes.test_synchronisation import EVERYTHING


def declare(factory: Factory, *sessions: object) -> None:
    """These sessions' end-of-day work is done."""
    for session in sessions:
        unit = WorkUnit(UnitKind.SESSION, "XNYS", "tests", "*", session, session)  # type: ignore[arg-type]
        factory.execute(
            "INSERT INTO work_units (unit_id, dataset, kind, market, source, subject, first_session, last_session, "
            "status, run_id, planned_at, started_at, finished_at) VALUES (%s, 'ohlcv_daily', 'session', 'XNYS', "
            "'tests', '*', %s, %s, 'done', 'r', now(), now(), now())",
            unit.unit_id,
            session,
            session,
        )


def look(factory: Factory, now: datetime = SUNDAY) -> dg.RunRequest | str:
    """What the sensor does: the run that it requests, or why it skips."""
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(now))
    context.resources  # noqa: B018  # set up
    answer = all_definitions().resolve_sensor_def("universe_sync_sensor")(context)
    return answer.skip_message or "" if isinstance(answer, dg.SkipReason) else answer


@pytest.fixture
def world(factory_on_postgres: Factory) -> Factory:
    """A store full of facts."""
    fill(factory_on_postgres.database_url)
    return factory_on_postgres


def run_of(factory: Factory, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    job = all_definitions().resolve_job_def("universe_sync")
    return factory.instance.create_run_for_job(job, tags=request.tags, status=status)


def test_every_complete_session_is_requested_once_the_oldest_first(world: Factory) -> None:
    assert look(world) == "the universes of every complete session are synchronised"
    declare(world, FRI, THU)
    request = look(world)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == ("2026-11-19", "2026-11-19/1")
    assert request.tags == {SESSION_TAG: "2026-11-19", TRIGGER_TAG: "sync", "dagster/priority": "5"}
    run = run_of(world, request, dg.DagsterRunStatus.STARTED)
    assert look(world) == "a run for 2026-11-19 is queued or started; the next session's members follow from it"
    world.instance.delete_run(run.run_id)
    assert materialise(world, EVERYTHING, THU).success
    request = look(world)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-20"
    assert materialise(world, EVERYTHING, FRI).success
    assert look(world) == "the universes of every complete session are synchronised"


def test_a_session_that_the_machines_clock_has_not_reached_is_named_and_stops_no_other(world: Factory) -> None:
    rehearsed = date(2034, 11, 20)
    declare(world, rehearsed)
    words = "2034-11-20: this machine's clock has not reached it; `tickstock universe sync` takes it"
    assert look(world, datetime(2034, 11, 21, tzinfo=UTC)) == words
    declare(world, FRI)
    request = look(world)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-20"


def test_a_session_that_cannot_be_synchronised_is_named_and_stops_no_other(world: Factory) -> None:
    declare(world, THU, FRI)
    later = datetime.now(UTC)
    for attempt in range(1, 4):
        later += timedelta(minutes=20)
        request = look(world, later)
        assert isinstance(request, dg.RunRequest)
        assert request.run_key == f"2026-11-19/{attempt}"
        run_of(world, request, dg.DagsterRunStatus.FAILURE)
    request = look(world, later + timedelta(minutes=20))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-20"
    run_of(world, request, dg.DagsterRunStatus.FAILURE)
    words = look(world, datetime.now(UTC))
    assert isinstance(words, str)
    assert "2026-11-19: 3 runs failed, the last says why; launch universe_sync by hand" in words
    assert "2026-11-20: its last run did not succeed; the next is due at" in words


def after(factory: Factory, result: dg.ExecuteInProcessResult) -> dg.SensorResult:
    """What the grid sensor does after a run."""
    context = dg.build_run_status_sensor_context(
        sensor_name="universe_grid_sensor",
        dagster_instance=factory.instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_success_event(),
        resources={"warehouse": factory.resources(SUNDAY)["warehouse"]},
    )
    answer = all_definitions().resolve_sensor_def("universe_grid_sensor")(context)
    assert isinstance(answer, dg.SensorResult)
    return answer


def test_a_synchronisation_is_followed_by_one_run_for_each_grid_with_a_key_for_every_universe(world: Factory) -> None:
    result = materialise(world, EVERYTHING, FRI)
    answer = after(world, result)
    [added] = answer.dynamic_partitions_requests or []
    keys = list(added.partition_keys)
    assert {"etf_growth", "top_10", "recent_ipos", "dev_top_10"} <= set(keys)
    themes, every = answer.run_requests or []
    assert (themes.job_name, every.job_name) == ("universe_themes", "universe_membership")
    assert themes.tags[RANGE_START] == "2026-11-20|sectors"
    assert themes.tags[RANGE_END] == "2026-11-20|bonds"
    assert (every.tags[RANGE_START], every.tags[RANGE_END]) == (f"2026-11-20|{keys[0]}", f"2026-11-20|{keys[-1]}")
    assert themes.run_key != every.run_key
    world.instance.add_dynamic_partitions("universes", keys)
    for request, asset in ((themes, "etf_universe"), (every, "membership")):
        tags = request.tags
        assert materialise(world, [f"universes/{asset}"], tags[RANGE_START], tags[RANGE_END]).success
    found = world.instance.get_materialized_partitions(dg.AssetKey(["universes", "membership"]))
    assert found == {f"2026-11-20|{key}" for key in keys}
    assert len(world.instance.get_materialized_partitions(dg.AssetKey(["universes", "etf_universe"]))) == 7
    assert not after(world, result).dynamic_partitions_requests


def test_a_list_is_edited_in_the_launchpad(world: Factory) -> None:
    world.track("S00001", "S00002", universe="mine")
    job = all_definitions().resolve_job_def("edit_universe")
    config = {"universe": "mine", "add": ["S00003"], "remove": ["S00001"], "reason": "a test"}
    run_config = {"ops": {"edit_members": {"config": config}}}
    assert job.execute_in_process(instance=world.instance, run_config=run_config).success
    assert world.rows("SELECT value FROM cache_entries WHERE key = 'mine'") == [["S00002", "S00003"]]
    told = world.events("tickstock.universe.updated")[-1]
    assert [one["symbol"] for one in told["added"]] == ["S00003"]
    config["remove"] = ["S00009"]
    refused = job.execute_in_process(instance=world.instance, run_config=run_config, raise_on_error=False)
    assert not refused.success
    assert world.rows("SELECT value FROM cache_entries WHERE key = 'mine'") == [["S00002", "S00003"]]
