"""Dagster's event log leaves out what a run says twice, and nothing that says what happened."""

import inspect

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import AssetMaterializationPlannedData, EngineEventData, StepOutputData, StepSuccessData
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster_postgres import PostgresEventLogStorage
from dagster_shared.error import SerializableErrorInfo

from tickstock_dagster.event_log import in_turn
from tickstock_dagster_tests.dagster_instances import _InMemory

BARS = dg.AssetKey(["us", "session_bars"])
PLANNED_CHECK, PLANNED_ASSET = (
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
)
PLANS = [
    (PLANNED_CHECK, "bar_checks", AssetCheckEvaluationPlanned(asset_key=BARS, check_name="unique_keys")),
    (PLANNED_CHECK, "bars", AssetCheckEvaluationPlanned(asset_key=BARS, check_name="of_the_asset")),
    (PLANNED_ASSET, "bars", AssetMaterializationPlannedData(BARS)),
]


def entry(kind: dg.DagsterEventType, step: str | None, data: object = None) -> dg.EventLogEntry:
    event = dg.DagsterEvent(kind.value, "us_eod", step_key=step, event_specific_data=data)  # type: ignore[arg-type]
    return dg.EventLogEntry(None, 10, "", "run", 0.0, step, "us_eod", event)


def output(step: str) -> dg.EventLogEntry:
    return entry(dg.DagsterEventType.STEP_OUTPUT, step, StepOutputData(StepOutputHandle(step, "result")))


@pytest.fixture
def log() -> _InMemory:
    """Of a process that executes its runs itself, and has planned the steps of one."""
    log = _InMemory()
    log.of_one_process = True
    assert not [plan for plan in PLANS if log.is_noise(entry(*plan))]
    return log


def test_a_run_in_one_process_leaves_out_that_it_is_one(log: _InMemory) -> None:
    failed = EngineEventData(error=SerializableErrorInfo("no store", [], None))
    kept = {
        "an asset's output, which a run from the failed step on asks for": output("bars"),
        "an error": entry(dg.DagsterEventType.ENGINE_EVENT, None, failed),
        "a resource that fails": entry(dg.DagsterEventType.RESOURCE_INIT_FAILURE, None, failed),
        "a step's end": entry(dg.DagsterEventType.STEP_SUCCESS, "bar_checks", StepSuccessData(duration_ms=1.0)),
        "the run's end": entry(dg.DagsterEventType.RUN_SUCCESS, None),
        "a line of a log": dg.EventLogEntry(None, 20, "told", "run", 0.0, "bars", "us_eod"),
    }
    assert [why for why, event in kept.items() if log.is_noise(event)] == []
    noise = [output("bar_checks")] + [
        entry(dg.DagsterEventType[name], None, EngineEventData())
        for name in ("ENGINE_EVENT", "RESOURCE_INIT_STARTED", "RESOURCE_INIT_SUCCESS", "LOGS_CAPTURED")
    ]
    assert [event for event in noise if not log.is_noise(event)] == []
    log.of_one_process = False
    assert not any(log.is_noise(event) for event in noise), "runs of the daemon have processes to tell of"


def test_events_of_a_batch_are_a_millisecond_apart_and_the_last_keeps_its_time() -> None:
    """Dagster's pages show one event of an asset for each millisecond."""
    times = [5.0, 10.0, 10.0, 10.0004, 10.0004]
    spaced = in_turn([output(f"s{number}")._replace(timestamp=time) for number, time in enumerate(times)])
    assert [event.step_key for event in spaced] == ["s0", "s1", "s2", "s3", "s4"]
    assert [event.timestamp for event in spaced] == pytest.approx([5.0, 9.9974, 9.9984, 9.9994, 10.0004])
    assert len({int(event.timestamp * 1_000) for event in spaced}) == 5
    assert in_turn([]) == []


def test_dagster_stores_the_row_of_a_planned_check_without_an_event() -> None:
    """The seam: an upgrade that drops it would show every check as never planned."""
    parameters = inspect.signature(SqlEventLogStorage.store_asset_check_event).parameters
    assert list(parameters) == ["self", "event", "event_id"]
    assert "None" in str(parameters["event_id"].annotation)


@pytest.mark.parametrize(
    ("owner", "name", "arguments"),
    [
        (PostgresEventLogStorage, "has_table", ["self", "table_name"]),
        (PostgresEventLogStorage, "has_secondary_index", ["self", "name"]),
        (SqlEventLogStorage, "has_asset_key_col", ["self", "column_name"]),
        (SqlEventLogStorage, "_has_asset_key_col_on_connection", ["self", "conn", "column_name"]),
    ],
)
def test_dagster_looks_for_parts_of_its_tables_by_these_methods(owner: type, name: str, arguments: list[str]) -> None:
    """The seam: an upgrade that renames one would ask again with every event."""
    assert list(inspect.signature(getattr(owner, name)).parameters) == arguments
