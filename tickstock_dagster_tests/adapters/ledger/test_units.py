"""The ledger of work and the end of a day: planned, done, told once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from psycopg.errors import CheckViolation

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.ledger.calls import record_calls
from tickstock_dagster.adapters.ledger.progress import RunProgress, run_progress
from tickstock_dagster.adapters.ledger.units import FinishedUnit, record_plan, units_done
from tickstock_dagster.adapters.loading.end_of_day import completion_event, declare_complete
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.sources.protocol import VendorCall
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.priority import Priority
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, batch, query

UNITS = [WorkUnit(UnitKind.RANGE, "XNYS", "simulator", ticker, MON, FRI, 5) for ticker in ("AAA", "BBB", "CCC")]
LEDGER = "SELECT subject, status, attempts, cells, rows, priority, run_id, error FROM work_units ORDER BY subject"


def plan(database_url: str, run_id: str = "run-1", units: list[WorkUnit] = UNITS, **priorities: Priority) -> None:
    by_unit = {unit.unit_id: priorities[unit.subject] for unit in units if unit.subject in priorities}
    record_plan(open_engine(database_url), units, run_id=run_id, priorities=by_unit, now=NOW)


def end(database_url: str, *units: WorkUnit, error: str | None = None, rows: int = 5) -> None:
    store_batch(open_engine(database_url), batch(units=[FinishedUnit(unit, rows, NOW, error) for unit in units]))


def test_a_run_is_as_far_as_its_units_are(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    assert run_progress(engine, "run-1") == RunProgress(0, 0, 0, 0)
    plan(migrated_database_url)
    end(migrated_database_url, UNITS[0])
    end(migrated_database_url, UNITS[1], error="the vendor is down", rows=0)
    progress = run_progress(engine, "run-1")
    assert (progress, progress.total) == (RunProgress(1, 1, 0, 1), 3)
    assert query(migrated_database_url, LEDGER) == [
        ("AAA", "done", 1, 5, 5, 2, "run-1", None),
        ("BBB", "retrying", 1, 5, 0, 2, "run-1", "the vendor is down"),
        ("CCC", "pending", 0, 5, 0, 2, "run-1", None),
    ]
    assert run_progress(engine, "run-2") == RunProgress(0, 0, 0, 0)


def test_a_unit_that_is_planned_again_keeps_how_often_it_was_tried(migrated_database_url: str) -> None:
    plan(migrated_database_url)
    end(migrated_database_url, UNITS[0], error="down", rows=0)
    plan(migrated_database_url, "run-2", [replace(UNITS[0], cells=2)], AAA=Priority.CRITICAL)
    assert query(migrated_database_url, LEDGER)[0] == ("AAA", "pending", 1, 2, 0, 10, "run-2", None)
    end(migrated_database_url, UNITS[0])
    assert query(migrated_database_url, LEDGER)[0][:3] == ("AAA", "done", 2)


def test_units_are_done_when_every_one_is(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    plan(migrated_database_url)
    end(migrated_database_url, *UNITS[:2])
    assert units_done(engine, UNITS[:2])
    assert not units_done(engine, UNITS)
    assert not units_done(engine, [replace(UNITS[0], last=THU)])


def test_planning_and_ending_the_same_units_at_once_never_wait_for_each_other_for_good(
    migrated_database_url: str,
) -> None:
    units = [replace(UNITS[0], subject=f"T{number}") for number in range(150)]
    together = Barrier(4)

    def work(number: int) -> None:
        mine = units if number % 2 else units[::-1]
        together.wait()
        if number < 2:
            plan(migrated_database_url, f"run-{number}", mine)
        else:
            end(migrated_database_url, *mine)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert query(migrated_database_url, "SELECT count(*), min(attempts) FROM work_units") == [(150, 2)]


def test_calls_that_belong_to_no_batch_are_noted(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    record_calls(engine, [], source="simulator", run_id=None)
    call = VendorCall(NOW.timestamp(), "/v3/reference/tickers", None, 0, 1500.0, 3, "UpstreamError")
    record_calls(engine, [call, call], source="simulator", run_id=None)
    text = "SELECT called_at, source, endpoint, status, rows, elapsed_ms, attempt, outcome, run_id FROM vendor_calls"
    noted = (NOW, "simulator", "/v3/reference/tickers", None, 0, 1500.0, 3, "UpstreamError", None)
    assert query(migrated_database_url, text) == [noted, noted]


STATES: dict[str, dict[str, str]] = {
    "pending": {},
    "leased": {"lease_holder": "'r/1'", "leased_until": "now()", "started_at": "now()"},
    "done": {"started_at": "now()", "finished_at": "now()"},
    "retrying": {
        "started_at": "now()", "finished_at": "now()", "failures": "1", "attempts": "1", "error": "'e'",
        "error_class": "'transient'", "not_before": "now()",
    },
    "dead": {
        "started_at": "now()", "finished_at": "now()", "failures": "1", "attempts": "1", "error": "'e'",
        "error_class": "'refused'",
    },
    "cancelled": {"finished_at": "now()"},
}  # fmt: skip
"""What a row of each state has, and has to have."""


def change(database_url: str, **values: str) -> None:
    changes = ", ".join(f"{name} = {value}" for name, value in values.items())
    query(database_url, f"UPDATE work_units SET {changes}")  # noqa: S608  # names of this module


@pytest.mark.parametrize("status", STATES)
def test_a_unit_says_what_its_state_needs_and_nothing_else(migrated_database_url: str, status: str) -> None:
    plan(migrated_database_url, units=UNITS[:1])
    whole = {"status": f"'{status}'", **STATES[status]}
    for lacking in STATES[status].keys() - {"attempts"}:
        with pytest.raises(CheckViolation):
            change(migrated_database_url, **{**whole, lacking: "0" if lacking == "failures" else "NULL"})
    change(migrated_database_url, **whole)
    foreign = {
        "lease_holder": "'r/1'", "leased_until": "now()", "not_before": "now()", "error_class": "'transient'",
        "attempts": "-1", "failures": "7", "bytes": "-1", "elapsed_ms": "-1", "cells": "-1", "rows": "-1",
        "dataset": "'bars'", "kind": "'listings'", "priority": "3", "status": "'failed'",
    }  # fmt: skip
    for name in foreign.keys() - STATES[status].keys() | {"attempts", "failures"}:
        with pytest.raises(CheckViolation):
            change(migrated_database_url, **{name: foreign[name]})
    if status not in ("retrying", "dead", "cancelled"):
        with pytest.raises(CheckViolation):
            change(migrated_database_url, error="'e'")
    if status == "retrying":
        with pytest.raises(CheckViolation):
            change(migrated_database_url, error_class="'permanent'")


def test_a_kind_of_unit_that_does_not_exist_is_refused(migrated_database_url: str) -> None:
    with pytest.raises(CheckViolation, match="work_units_kind_known"):
        plan(migrated_database_url, units=[replace(UNITS[0], kind="guess")])


# -- the end of a day -------------------------------------------------------------------------------------------------


def declare(database_url: str, state: Completeness, run_id: str = "run-1", minutes: int = 0) -> bool:
    return declare_complete(
        open_engine(database_url),
        state,
        {"no_trade": 2},
        market="XNYS",
        source="simulator",
        run_id=run_id,
        started_at=NOW - timedelta(minutes=3),
        now=NOW + timedelta(minutes=minutes),
    )


STATE = Completeness(FRI, 500, 498, 2, 0)


def test_a_session_is_declared_complete_once_with_its_event(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    assert completion_event(engine, FRI, "XNYS") is None
    assert declare(migrated_database_url, STATE)
    assert not declare(migrated_database_url, replace(STATE, stored=497, missing=1), "run-2", minutes=9)
    [(channel, subject, data)] = query(migrated_database_url, "SELECT channel, subject, event -> 'data' FROM outbox")
    assert (channel, subject) == ("tickstock.eod.complete", "XNYS/2026-11-20")
    assert data["run_id"] == "run-1"
    assert {name: data[name] for name in ("session", "market", "expected", "stored", "explained", "missing")} == {
        "session": "2026-11-20", "market": "XNYS", "expected": 500, "stored": 498, "explained": 2, "missing": 0,
    }  # fmt: skip
    assert data["gaps_by_reason"] == {"no_trade": 2}
    assert query(migrated_database_url, LEDGER) == [("*", "done", 1, 500, 498, 2, "run-1", None)]
    told = completion_event(engine, FRI, "XNYS")
    assert told is not None
    assert told.sent_at is None
    assert completion_event(engine, THU, "XNYS") is None


def test_two_that_declare_the_same_session_at_once_tell_it_once(migrated_database_url: str) -> None:
    together = Barrier(3)

    def run(number: int) -> bool:
        together.wait()
        return declare(migrated_database_url, STATE, f"run-{number}")

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(run, range(3))) == [False, False, True]
    assert query(migrated_database_url, "SELECT count(*) FROM outbox") == [(1,)]
    assert query(migrated_database_url, "SELECT attempts FROM work_units") == [(1,)]


def test_another_session_is_another_event(migrated_database_url: str) -> None:
    assert declare(migrated_database_url, STATE)
    assert declare(migrated_database_url, replace(STATE, session=THU))
    assert query(migrated_database_url, "SELECT count(DISTINCT event_id) FROM outbox") == [(2,)]
