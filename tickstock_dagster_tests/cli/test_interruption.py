"""Ctrl-C and SIGTERM: one line, the exit code that shells expect, and nothing over which the next command stumbles."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.request import urlopen

import dagster as dg
import psycopg
import pytest
import redis

from tickstock_dagster.adapters.postgres.turns import Lock
from tickstock_dagster_tests.cli.office import Office

SCRIPT = "import sys; sys.argv[0] = 'tickstock'; from tickstock_dagster.cli import main; main()"
WORDS = "tickstock: interrupted; run it again to continue"
LOAD = ("load", "--symbols", "AAPL,KO", "--from", "2026-11-02", "--to", "2026-11-06")


def started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.Popen(
        command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def answers(url: str) -> bool:
    with urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310  # our own
        return bool(answer.status == 200)


def ended_by(process: subprocess.Popen[str], number: signal.Signals, when: Callable[[], bool]) -> tuple[int, list[str]]:
    """The exit code and the lines on stderr of a process that gets a signal once something is so."""
    deadline = time.monotonic() + 60
    try:
        while not when():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    return process.returncode, [line for line in err.splitlines() if line.strip()]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("hangs", [True, False], ids=["vendor hangs", "vendor answers"])
def test_an_interrupted_load_ends_in_one_line_and_the_next_goes_on(
    office: Office, number: signal.Signals, hangs: bool
) -> None:
    office.vendor.install("timeout", seconds=60 if hangs else 0.8, path="*/aggs/*")
    asked: Callable[[], bool] = lambda: any("/aggs/" in path for path in office.vendor.stats()["by_endpoint"])  # noqa: E731
    began = time.monotonic()
    code, lines = ended_by(started(*LOAD), number, asked)
    assert (code, lines) == (128 + number, [WORDS])
    assert time.monotonic() - began < 30
    (run,) = office.runs()
    assert run.status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE)

    office.vendor.clear_faults()
    answer = office.tickstock(*LOAD)
    assert answer.code == 0, answer.err
    assert "10 of 10 bars stored" in answer.out
    assert {one.status for one in office.runs() if one.run_id == run.run_id} == {dg.DagsterRunStatus.FAILURE}
    assert office.rows("SELECT count(*) FROM work_units WHERE status = 'leased'") == [0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_waits_for_the_database_is_interrupted_at_once(office: Office, number: signal.Signals) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tickstock status' AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(office.database_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (Lock.MIGRATIONS.value,))
        code, lines = ended_by(started("status"), number, lambda: office.rows(waiting) == [1])
    assert (code, lines) == (128 + number, [WORDS])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ending_what_runs_until_it_is_ended_is_no_failure(office: Office, number: signal.Signals) -> None:
    with redis.Redis.from_url(office.redis_url) as client:
        reads = lambda: any(one["cmd"] == "xread" for one in client.client_list())  # noqa: E731
        assert ended_by(started("events", "tail"), number, reads) == (0, [])
    simulator = started("simulator", "--port", "0", "--symbols", "5")
    assert simulator.stdout is not None
    url = simulator.stdout.readline().split()[1]
    assert ended_by(simulator, number, lambda: answers(url)) == (0, [])


def test_a_second_signal_ends_what_does_not_end_by_itself() -> None:
    stubborn = """
import sys, time
from tickstock_dagster import cli
def hang(**_):
    while True:
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("caught", flush=True)
cli.cli.invoke = lambda ctx: hang()
sys.argv = ["tickstock", "status"]
cli.main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", stubborn],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "caught\n"
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err.strip()) == (130, WORDS)
