"""Launching runs from the command line: what happens to them when a storage or a process goes away."""

import os
import subprocess
import sys
import time

import dagster as dg
import pytest
from rich.console import Console

from tickstock_dagster.cli.loading import progress as progress_module
from tickstock_dagster.cli.loading.runs import _stretches
from tickstock_dagster_tests.cli.office import Office

LOAD = ("load", "--symbols", "AAPL,KO", "--from", "2026-11-02", "--to", "2026-11-06")


@pytest.mark.parametrize(
    ("wanted", "stretches"),
    [
        ("A", [("A", "A")]),
        ("ABC", [("A", "C")]),
        ("CBA", [("A", "C")]),  # Dagster's ranges follow the order of registration
        ("AC", [("A", "A"), ("C", "C")]),
        ("ABDE", [("A", "B"), ("D", "E")]),
        ("", []),
    ],
)
def test_a_range_never_takes_in_a_key_that_nobody_asked_for(wanted: str, stretches: list[tuple[str, str]]) -> None:
    assert _stretches(list("ABCDE"), list(wanted)) == stretches


def test_a_storage_that_is_down_is_named_without_its_password(office: Office) -> None:
    office.configure(TICKSTOCK_DAGSTER_STORAGE_URL="postgresql://somebody:hidden-word@127.0.0.1:1/dagster")
    answer = office.tickstock(*LOAD)
    assert answer.code == 1
    assert answer.error.startswith("Dagster's storage: database 127.0.0.1:1/dagster cannot be reached")
    assert "hidden-word" not in answer.err
    assert office.rows("SELECT count(*) FROM ohlcv_daily") == [0]


def test_a_killed_command_leaves_a_run_that_the_next_one_reports_as_failed(office: Office) -> None:
    office.vendor.install("timeout", seconds=60, path="*/aggs/*")
    script = "import sys; sys.argv[0] = 'tickstock'; from tickstock_dagster.cli import main; main()"
    process = subprocess.Popen([sys.executable, "-c", script, *LOAD], env=dict(os.environ))
    try:
        deadline = time.monotonic() + 120
        while not any("/aggs/" in path for path in office.vendor.stats()["by_endpoint"]):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    (killed,) = office.runs()
    assert killed.status == dg.DagsterRunStatus.STARTED

    office.vendor.clear_faults()
    answer = office.tickstock(*LOAD)
    assert answer.code == 0, answer.err
    assert "10 of 10 bars stored (10 new)" in answer.out
    states = {run.run_id: run.status for run in office.runs()}
    assert states.pop(killed.run_id) == dg.DagsterRunStatus.FAILURE
    assert set(states.values()) == {dg.DagsterRunStatus.SUCCESS}


def test_a_terminal_is_shown_how_far_a_run_is(office: Office) -> None:
    office.monkeypatch.setattr(progress_module, "console", Console(stderr=True, force_terminal=True, width=100))
    office.vendor.install("timeout", seconds=1.2, path="*/aggs/*")
    answer = office.tickstock(*LOAD)
    assert answer.code == 0, answer.err
    assert "2 symbols" in answer.err
    assert "vendor calls" in answer.err
    assert "vendor calls" in answer.out, "the summary, without the bar"
    assert "\x1b" not in answer.out
