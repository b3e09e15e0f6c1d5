"""Loads that are killed and started again, and loads that run beside each other: in processes of their own."""

import signal
import threading
import time
from datetime import date

import pytest

from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import World
from tickstock_dagster_tests.forked import Forked

FIRST, FRI = date(2026, 9, 14), date(2026, 11, 20)
RANGES = (
    "AAPL MSFT NVDA AMZN GOOGL JPM XOM UNH TSLA AVGO LLY V MA HD PG COST JNJ WMT ABBV BAC THIN THNR IPOX GONE NEWC "
    "BRK.A BLNK TRUE NA PENY"
)
LOAD = """
import sys
from datetime import date
from types import SimpleNamespace

from tickstock_dagster.adapters.sources import fetcher as bar_fetcher
from tickstock_dagster_tests.adapters.load_helpers import World

url, key, database, first, last, rows, tickers = sys.argv[1:]
bar_fetcher.FLUSH_ROWS = int(rows)
world = World(SimpleNamespace(url=url, key=key), database)
print("ready", flush=True)
sys.stdin.readline()
report = world.load(tickers, date.fromisoformat(first), date.fromisoformat(last), workers=2)
assert not report.failures, report.failures
"""
DONE = "SELECT subject, first_session FROM work_units WHERE status = 'done' AND kind IN ('range', 'grouped')"


@pytest.fixture
def undisturbed(market: RunningSimulator, another_migrated_url: str) -> World:
    """A second, empty store."""
    return World(market, another_migrated_url)


def start(world: World, first: date, *, flush_rows: int = 60_000) -> Forked:
    """A process that is about to load `RANGES`; it waits for `go`."""
    process = Forked(
        LOAD, world.simulator.url, world.simulator.key, world.database_url,
        first.isoformat(), FRI.isoformat(), str(flush_rows), RANGES,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def go(process: Forked) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def finish(process: Forked) -> None:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def done(world: World) -> set[tuple[str, date]]:
    return set(world.query(DONE))


def asked(world: World) -> list[tuple[str, date]]:
    """Units that the vendor was asked for since the counts were reset."""
    units = []
    for call in world.simulator.stats(calls=True)["calls"]:
        parts = call["path"].split("/")
        if "range" in parts:
            units.append((parts[4], date.fromisoformat(parts[8])))
        elif "grouped" in parts:
            units.append(("*", date.fromisoformat(parts[-1])))
    return units


@pytest.mark.parametrize(
    ("first", "flush_rows", "kills"),
    [
        pytest.param(FIRST, 60, (14,), id="ranges"),
        pytest.param(date(2026, 10, 19), 200, (9,), id="grouped days"),
        pytest.param(FIRST, 60, (1, 5, 12, 25), id="ranges, often", marks=pytest.mark.slow),
        pytest.param(date(2026, 10, 19), 200, (1, 7, 13, 19), id="grouped days, often", marks=pytest.mark.slow),
    ],
)
def test_a_load_that_is_killed_again_and_again_ends_as_if_nothing_had_been(
    world: World, undisturbed: World, first: date, flush_rows: int, kills: tuple[int, ...]
) -> None:
    undisturbed.load(RANGES, first, FRI)
    units = len(done(undisturbed))
    assert units > max(kills) + 2
    for kill_at in kills:
        process = start(world, first, flush_rows=flush_rows)
        before = done(world)
        world.simulator.reset_stats()
        # Slow answers, so that there is time to be killed between them.
        world.simulator.install("timeout", seconds=0.02, path="/v2/*")
        go(process)
        deadline = time.monotonic() + 60
        while len(done(world)) < kill_at:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.003)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        world.simulator.clear_faults()
        assert len(done(world)) < units, "it was killed before its end"
        assert not before & set(asked(world)), "no finished unit is asked for again"
        stored = world.query("SELECT count(*) FROM ohlcv_daily")[0][0]
        counted = world.query("SELECT coalesce(sum(rows), 0) FROM work_units WHERE kind IN ('range', 'grouped')")[0][0]
        assert stored >= counted > 0, "a unit is done in the transaction of its rows"
    before = done(world)
    process = start(world, first)
    world.simulator.reset_stats()
    go(process)
    finish(process)
    assert not before & set(asked(world))
    assert world.query("SELECT DISTINCT status, attempts FROM work_units") == [("done", 1)]
    assert world.tables() == undisturbed.tables()


def test_two_processes_that_load_the_same_at_once_leave_what_one_leaves(world: World, undisturbed: World) -> None:
    undisturbed.load(RANGES, FIRST, FRI)
    world.simulator.reset_stats()
    processes = [start(world, FIRST, flush_rows=rows) for rows in (60, 100)]
    for process in processes:
        go(process)
    for process in processes:
        finish(process)
    lists = [call for call in world.simulator.stats(calls=True)["calls"] if call["path"] == "/v3/reference/tickers"]
    [(taken_in,)] = world.query("SELECT count(*) FROM work_units WHERE kind = 'listings'")
    # One more is the list of the delisted.
    assert len(lists) == taken_in + 1, "the second process waits for the first one's lists and asks for none"
    assert world.query("SELECT DISTINCT status FROM work_units") == [("done",)]
    assert world.tables("work_units") == undisturbed.tables("work_units")
    assert world.query("SELECT count(*) FROM bar_restatements") == [(0,)]
    calls = asked(world)
    assert len(calls) == len(set(calls)), "each unit is asked for by one of them"


def test_a_load_beside_one_that_is_killed_takes_over_its_units_at_once(world: World) -> None:
    """The clock of both stands still: no lease ends by its time."""
    world.load("AAPL", FRI, FRI)
    world.simulator.install("timeout", seconds=0.1, path="/v2/*")
    process = start(world, FIRST, flush_rows=60)
    go(process)
    leased = "SELECT count(*) FROM work_units WHERE status = 'leased'"
    deadline = time.monotonic() + 60
    while not world.query(leased)[0][0]:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.003)
    threading.Timer(0.5, process.kill).start()
    report = world.load(RANGES, FIRST, FRI, workers=2)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was killed before its end"
    assert report.failures == ()
    assert [state.missing for state in report.states if state.missing] == []
    assert world.query("SELECT DISTINCT status FROM work_units") == [("done",)]
