"""The containers as they are shipped: started, worked with, cancelled and killed on a real Docker engine."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
import redis

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.containers.conftest import SERVICES
from tickstock_dagster_tests.containers.stack import CAPTURED, PRINTED, TERMINATE, Stack, docker, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

CALENDAR = library_calendar("XNYS")
LATEST = CALENDAR.latest_closed_session(datetime.now(UTC))
RUN_VARIABLES = {
    "TICKSTOCK_DATABASE_URL", "TICKSTOCK_DAGSTER_STORAGE_URL", "TICKSTOCK_REDIS_URL", "TICKSTOCK_SIMULATOR_URL",
    "TICKSTOCK_PROFILE", "TICKSTOCK_SYMBOL_GRID_START", "MASSIVE_API_KEY", "MASSIVE_BASE_URL", "MASSIVE_PLAN",
    "MASSIVE_CALLS_PER_SECOND", "TICKSTOCK_FILES_XTKS", "TICKSTOCK_FILES_XLON", "TICKSTOCK_FILES_XETR", "TICKSTOCK_NOW",
    "TICKSTOCK_KEEP_EVENTS_DAYS", "TICKSTOCK_KEEP_VENDOR_CALLS_DAYS", "TICKSTOCK_KEEP_FINISHED_WORK_DAYS",
    "TICKSTOCK_QUEUE_PER_TYPE", "TICKSTOCK_QUEUE_IN_ALL",
    "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS", "DAGSTER_EVENT_BATCH_SIZE", "DAGSTER_RUN_JOB_NAME",
}  # fmt: skip


@pytest.fixture(scope="module")
def first_run(stack: Stack) -> tuple[str, dict[str, Any]]:
    """The run of the latest closed session, launched from the UI, and its container while it lived."""
    run_id = stack.launch("us_eod", str(LATEST))
    container = stack.inspect(stack.run_container(run_id))
    assert stack.finished(run_id) == "SUCCESS", stack.messages(run_id)
    return run_id, container


@pytest.fixture
def vendor_that_keeps_silent(stack: Stack) -> Iterator[None]:
    """Every answer of the simulator takes a minute."""
    stack.control("POST", "faults", {"fault": "timeout", "seconds": 60})
    yield
    stack.control("DELETE", "faults")


def variables(container: dict[str, Any]) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in container["Config"]["Env"])


def bars(stack: Stack, session: date) -> int:
    with stack.database() as database:
        row = database.execute("SELECT count(*) FROM ohlcv_daily WHERE session = %s", (session,)).fetchone()
    assert row is not None
    return int(row[0])


def test_the_preparation_ended_well_and_everything_else_is_healthy(stack: Stack) -> None:
    assert stack.inspect(stack.container("migrate"))["State"]["ExitCode"] == 0
    states = {service: stack.inspect(stack.container(service))["State"]["Health"]["Status"] for service in SERVICES}
    assert states == dict.fromkeys(SERVICES, "healthy")


def test_a_run_from_the_ui_ends_green_in_a_container_of_its_own(
    stack: Stack, first_run: tuple[str, dict[str, Any]]
) -> None:
    run_id, container = first_run
    tags = {tag["key"]: tag["value"] for tag in stack.run(run_id)["tags"]}
    assert tags["docker/container_id"] == container["Id"]
    assert tags["dagster/image"] == container["Config"]["Image"] == "tickstock-dagster"
    assert container["Id"] not in {stack.inspect(stack.container(service))["Id"] for service in SERVICES}
    label = f"label=dagster/run_id={run_id}"
    wait_for("the container is removed", lambda: None if docker("ps", "-aq", "--filter", label) else "removed", 30)


def test_the_bars_are_in_a_hypertable_and_the_event_is_in_redis(
    stack: Stack, first_run: tuple[str, dict[str, Any]]
) -> None:
    with stack.database() as database:
        hypertables = database.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
        chunks = database.execute("SELECT count(*) FROM show_chunks('ohlcv_daily')").fetchone()
        tracked = database.execute("SELECT jsonb_array_length(value) FROM cache_entries WHERE track").fetchone()
    assert {name for (name,) in hypertables} == {"ohlcv_daily", "ohlcv_1min"}
    assert chunks == (1,)
    assert tracked is not None
    assert bars(stack, LATEST) >= tracked[0]
    with redis.Redis("127.0.0.1", stack.ports["REDIS"], password=stack.passwords["REDIS"]) as client:
        entries = [
            fields
            for _, fields in client.xrange("tickstock.events")
            if fields[b"subject"] == b"XNYS/%s" % str(LATEST).encode()
        ]
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    *before, last = [fields[b"channel"] for fields in entries]
    assert (set(before), last) == ({b"tickstock.eod.status"}, b"tickstock.eod.complete")
    event = json.loads(entries[-1][b"event"])["data"]
    assert (event["stored"], event["missing"], event["run_id"]) == (tracked[0], 0, first_run[0])


def test_a_run_gets_the_listed_variables_and_no_rights(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    _, container = first_run
    image = json.loads(docker("image", "inspect", "tickstock-dagster"))[0]
    own = variables(container).keys() - variables(image).keys()
    assert own == RUN_VARIABLES
    assert stack.passwords["POSTGRES"] not in str(container)
    assert container["Config"]["User"] == "tickstock"
    assert container["HostConfig"]["CapDrop"] == ["ALL"]
    assert container["HostConfig"]["ReadonlyRootfs"] is True
    assert [mount["Destination"] for mount in container["Mounts"]] == ["/var/lib/tickstock/dagster"]
    assert list(container["NetworkSettings"]["Networks"]) == ["tickstock"]


def test_what_a_run_printed_outlives_its_container(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    run_id, _ = first_run
    events = stack.graphql(CAPTURED, id=run_id)["logsForRun"]["events"]
    (step,) = {event["fileKey"] for event in events if event.get("fileKey")}
    printed = stack.graphql(PRINTED, key=[run_id, "compute_logs", step])["capturedLogs"]["stderr"]
    assert "STEP_SUCCESS" in printed


def test_the_login_at_work_cannot_change_the_schema_and_the_owner_cannot_log_in(stack: Stack) -> None:
    with stack.database(login="tickstock") as database:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("CREATE TABLE mine (a int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("ALTER TABLE ohlcv_daily DROP COLUMN vwap")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("DELETE FROM ohlcv_daily")
    with stack.database() as database:
        owner = database.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'tickstock_owner'").fetchone()
    assert owner == (False,)
    for name, login in (("dagster", "tickstock"), ("tickstock", "dagster")):
        with (
            pytest.raises(psycopg.OperationalError, match="permission denied for database"),
            stack.database(name, login),
        ):
            pass


def test_no_password_is_in_a_process_list_and_no_port_is_open_to_others(stack: Stack) -> None:
    for service in SERVICES:
        processes = docker("top", stack.container(service), "-eo", "pid,args")
        assert not [word for word in stack.passwords.values() if word in processes], service
        ports = stack.inspect(stack.container(service))["NetworkSettings"]["Ports"]
        bound = [binding["HostIp"] for bindings in ports.values() for binding in bindings or []]
        assert set(bound) <= {"127.0.0.1"}, service


@pytest.mark.usefixtures("first_run")
def test_commands_work_in_the_code_container(stack: Stack) -> None:
    status = json.loads(stack.compose("exec", "-T", "code", "tickstock", "status", "--sessions", "1", "--json"))
    assert str(LATEST) in str(status)
    before = CALENDAR.previous_session(LATEST)
    stack.compose(
        "exec", "-T", "code", "tickstock", "load", "--symbols", "AAPL", "--from", str(before), "--to", str(before)
    )
    assert bars(stack, before) == 1


@pytest.mark.usefixtures("first_run")
def test_started_again_it_changes_nothing(stack: Stack) -> None:
    before = bars(stack, LATEST)
    stack.compose("run", "--rm", "migrate")
    stack.compose("up", "-d")
    assert bars(stack, LATEST) == before


@pytest.mark.usefixtures("vendor_that_keeps_silent")
def test_cancelling_a_run_stops_its_container(stack: Stack) -> None:
    run_id = stack.launch("us_eod", str(CALENDAR.previous_session(LATEST)))
    container = stack.run_container(run_id)
    wait_for("the run is at work", lambda: "started" if stack.run(run_id)["status"] == "STARTED" else None, 60)
    assert stack.graphql(TERMINATE, id=run_id)["terminateRun"]["__typename"] == "TerminateRunSuccess"
    assert stack.finished(run_id) == "CANCELED"
    wait_for("the container is gone", lambda: None if container in docker("ps", "-q", "--no-trunc") else "gone", 60)


@pytest.mark.usefixtures("vendor_that_keeps_silent")
def test_a_run_whose_container_is_killed_is_reported_as_failed(stack: Stack) -> None:
    run_id = stack.launch("us_eod", str(CALENDAR.previous_session(LATEST)))
    container = stack.run_container(run_id)
    wait_for("the run is at work", lambda: "started" if stack.run(run_id)["status"] == "STARTED" else None, 60)
    docker("kill", container)
    assert stack.finished(run_id, seconds=180) == "FAILURE"
    assert "Detected run worker status" in stack.messages(run_id)
