"""The simulator as a program: start, options, ports, end."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
import urllib3
from click.testing import CliRunner

from tickstock_dagster.cli.operations.simulator import command
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.options import SimulatorOptions, parse_instant
from tickstock_dagster.simulator.synthetic.market import SyntheticMarket, synthetic_market
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster.simulator.vendor import Vendor
from tickstock_dagster_tests.simulator.asking import FRIDAY, SUNDAY, ask, day_range, grouped

NOW = "2026-11-22T15:00:00Z"


@contextmanager
def program(*arguments: str) -> Iterator[str]:
    """A simulator in a process of its own; gives its address."""
    started = [sys.executable, "-m", "tickstock_dagster.simulator", "--port", "0", *arguments]
    with subprocess.Popen(started, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def body(url: str) -> bytes:
    reply = urllib3.request("GET", url, headers={"Authorization": "Bearer simulator"}, timeout=30)
    assert reply.status == 200
    return re.sub(rb'"request_id":"[0-9a-f]+"', b"", reply.data)


def test_two_processes_answer_with_the_same_bytes() -> None:
    paths = (grouped(FRIDAY), day_range("NVDA", "2022-01-03", "2026-11-20"), "/v3/reference/tickers?limit=1000")
    with program("--now", NOW, "--symbols", "200") as one, program("--now", NOW, "--symbols", "200") as other:
        for path in paths:
            first = body(one + path)
            assert len(first) > 10_000
            assert first == body(other + path)


def test_it_answers_for_its_health_before_the_market_is_drawn() -> None:
    drawn = Event()

    def slowly() -> SyntheticMarket:
        assert drawn.wait(timeout=30)
        return synthetic_market(7, 1)

    simulator = RunningSimulator(now=SUNDAY)
    simulator.vendor = Vendor(simulator.options, slowly)
    with simulator:
        assert urllib3.request("GET", f"{simulator.url}/health").json() == {"status": "ok"}
        with pytest.raises(urllib3.exceptions.TimeoutError):
            ask(simulator, grouped(FRIDAY), timeout=0.2)
        drawn.set()
        assert ask(simulator, grouped(FRIDAY)).json["resultsCount"] > 100


def test_a_request_that_waits_does_not_hold_up_the_end() -> None:
    with RunningSimulator(now=SUNDAY) as simulator:
        simulator.install("timeout", seconds=60)
        with pytest.raises(urllib3.exceptions.TimeoutError):
            urllib3.request("GET", simulator.url + grouped(FRIDAY), timeout=0.2, retries=False)
        started = time.monotonic()
    assert time.monotonic() - started < 30
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(simulator.url.rpartition(":")[2]))) != 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plan", "gold"], "accepted: advanced, business, developer, free, starter"),
        (["--now", "yesterday"], "an ISO 8601 instant"),
        (["--symbols", "0"], "1 to 5000"),
        (["--seed", "-1"], "0 or more"),
        (["--port", "70000"], "0 to 65535"),
        (["--api-key", "=free"], "KEY or KEY=PLAN"),
        (["--api-key", "mine=gold"], "plan 'gold'"),
        (["--bars", "missing.parquet"], "an existing file, or a folder of files"),
    ],
)
def test_a_wrong_option_ends_with_exit_code_2_and_one_line(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_malformed_file_ends_with_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("symbol,date\nAAA,2026-11-18\n")
    result = CliRunner().invoke(command, ["--bars", str(path)])
    assert result.exit_code == 2
    assert "column open: 'open' is not accepted: one of the file's columns: symbol, date" in result.stderr


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(command, ["--port", str(port)])
    assert result.exit_code == 2
    assert f"127.0.0.1:{port}" in result.stderr


def test_an_instant_without_a_zone_is_utc_in_text_and_refused_as_an_object() -> None:
    assert parse_instant("2026-11-20T21:30:00") == datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
    assert parse_instant("2026-11-20T16:30:00-05:00") == datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
    for text in ("1900-01-01T00:00:00Z", "2051-01-01T00:00:00Z"):
        with pytest.raises(BadInputError, match="an instant between 2000-01-01 and 2050-12-31"):
            parse_instant(text)
    assert CliRunner().invoke(command, ["--port", "0", "--now", "1900-01-01T00:00:00Z"]).exit_code == 2
    with pytest.raises(BadInputError, match="a time zone"):
        SimulatorOptions(now=datetime(2026, 11, 20))  # noqa: DTZ001
