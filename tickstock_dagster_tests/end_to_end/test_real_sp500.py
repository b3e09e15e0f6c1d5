"""Five years of the S&P 500's real bars, served by the simulator and loaded by the ordinary path.

The set and its defects are described in its PROVENANCE.md: 505 symbols, 619,040 rows, of which 23 have a null or a
broken price, and 51 symbol-days missing.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, World

pytestmark = [pytest.mark.real_data, pytest.mark.timeout(900)]

FOLDER = os.environ.get("TICKSTOCK_REAL_DATA", "")
FIRST, LAST = date(2013, 2, 8), date(2018, 2, 7)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MISSING = {"O": 16, "DHR": 16, "ES": 10, "ICE": 5, "ORCL": 2, "BMY": 2}
LATE = {"APTV": 44, "DWDP": 109, "BHF": 143, "BHGE": 152}
"""Rows of the symbols that were listed last."""

LOAD = """
import sys
from datetime import date, datetime
from types import SimpleNamespace

from tickstock_dagster_tests.adapters.load_helpers import World

url, key, database, now, tickers = sys.argv[1:]
world = World(SimpleNamespace(url=url, key=key), database, now=datetime.fromisoformat(now))
report = world.load(tickers, date(2013, 2, 8), date(2018, 2, 7))
assert not report.failures, report.failures
"""
LABELS = Path(__file__).parents[1] / "core" / "judging" / "labels.csv"
DONE = "SELECT subject FROM work_units WHERE status = 'done' AND kind = 'range'"


@pytest.fixture(scope="module")
def bars() -> Path:
    path = Path(FOLDER) / "sp500_5yr" / "sp500_5yr_2013_2018.parquet"
    if not FOLDER or not path.is_file():
        pytest.fail(f"TICKSTOCK_REAL_DATA={FOLDER!r} is not a folder with {path.parent.name}/{path.name}")
    return path


@pytest.fixture(scope="module")
def tickers(bars: Path) -> list[str]:
    return sorted(pl.read_parquet(bars, columns=["symbol"])["symbol"].unique())


@pytest.fixture(scope="module")
def vendor(bars: Path) -> Iterator[RunningSimulator]:
    with RunningSimulator(now=NOW, plan="advanced", bars=bars, rate=(100_000, 1)) as simulator:
        yield simulator


@pytest.fixture
def loaded(vendor: RunningSimulator, migrated_database_url: str, tickers: list[str]) -> World:
    """A store after one undisturbed load."""
    vendor.reset()
    world = World(vendor, migrated_database_url, now=NOW)
    report = world.load(tickers, FIRST, LAST)
    assert report.failures == ()
    assert (report.stored.inserted, report.stored.quarantined, report.stored.restated) == (619_017, 23, 0)
    assert sum(state.expected for state in report.states) == 619_091
    assert sum(state.missing for state in report.states) == 51 + 23
    assert report.calls == vendor.stats()["total"] <= 530
    return world


def test_every_row_is_stored_set_aside_or_missed_by_name(loaded: World, tickers: list[str], bars: Path) -> None:
    assert loaded.query("SELECT count(*), count(DISTINCT security_id) FROM ohlcv_daily") == [(619_017, 505)]
    assert loaded.query("SELECT count(*), count(reason) FROM quarantined_bars") == [(23, 23)]
    gaps = loaded.gaps()
    assert Counter(reason for *_, reason, _ in gaps) == {"vendor_missing": 51, "quarantined": 23}
    assert Counter(ticker for ticker, _, reason, _ in gaps if reason == "vendor_missing") == MISSING
    all_cells = len(tickers) * len(CALENDAR.sessions(FIRST, LAST))
    assert all_cells - (619_017 + 23 + 51) == 16_704, "cells before a listing are expected of nobody"
    for ticker, rows in LATE.items():
        broken = sum(1 for name, _, reason, _ in gaps if (name, reason) == (ticker, "quarantined"))
        assert len(loaded.sessions_of(ticker)) + broken == rows
    file = pl.read_parquet(bars).sort("symbol", "date")
    aapl = file.filter(pl.col("symbol") == "AAPL").select("date", "open", "high", "low", "close", "volume")
    text = "SELECT session, open::float8, high::float8, low::float8, close::float8, volume FROM ohlcv_daily"
    stored = loaded.query(f"{text} WHERE ticker = 'AAPL' ORDER BY session")
    assert [tuple(row) for row in stored] == aapl.rows()
    loaded.simulator.reset_stats()
    before = loaded.tables()
    again = loaded.load(tickers, FIRST, LAST)
    assert (again.plan.calls, loaded.simulator.stats()["total"]) == (0, 0)
    assert loaded.tables() == before


def test_every_labelled_row_that_the_load_refuses_is_found_by_the_report_once(
    vendor: RunningSimulator, migrated_database_url: str
) -> None:
    """The rows whose fields contradict one another, as labelled: loaded, judged and told by the ordinary path."""
    vendor.reset()
    world = World(vendor, migrated_database_url, now=NOW)
    labels = pl.read_csv(LABELS, schema_overrides={"session": pl.Date})
    labels = labels.filter(pl.col("set") == "sp500", pl.col("rule") == "bar_order")
    tickers, days = sorted(set(labels["symbol"])), sorted(set(labels["session"]))
    assert world.load(tickers, FIRST, LAST).stored.quarantined == labels.height == 23
    write_universe(world.engine, "tests", "list", "tests", tickers, track_from=FIRST, now=NOW)
    for _ in range(2):
        reports = list(report_sessions(world.engine, CALENDAR, days, run_id="run-1", now=NOW))
    found = world.query(
        "SELECT ticker, session FROM quality_anomalies WHERE rule = 'bar_order' AND verdict = 'wrong' ORDER BY 1, 2"
    )
    assert found == labels.sort("symbol", "session").select("symbol", "session").rows()
    assert [one.stored.found + one.stored.changed for one in reports] == [0] * len(reports), "twice is once"
    told = "SELECT count(*) FROM outbox WHERE event -> 'data' ->> 'rule' = 'bar_order'"
    assert world.query(told) == [(labels.height,)]
    causes = dict(world.query("SELECT ticker || ' ' || session, cause FROM quality_anomalies WHERE rule = 'bar_order'"))
    assert causes["LNT 2016-05-19"] == (
        "the close is outside of low and high, by 2:1: as if a split were applied to it alone"
    )
    assert causes["CHD 2014-05-19"] == "the open is outside of low and high", "1.80:1 is no split"
    assert causes["AOS 2014-05-19"] == "the high is below the low"
    assert causes["DHR 2016-01-12"] == "a price is missing: open, high, low"
    assert {cause for cause in causes.values() if "split" in cause} == {causes["LNT 2016-05-19"]}
    scores = world.query("SELECT price_score, volume_score FROM quality_reports WHERE wrong > 0")
    assert set(scores) == {(0, 0)}


def test_killed_half_way_and_started_again_it_ends_the_same_and_repeats_no_finished_unit(
    loaded: World, tickers: list[str], database_url: str
) -> None:
    migrate(database_url)
    world = World(loaded.simulator, database_url, now=NOW)
    command = [
        sys.executable, "-c", LOAD, world.simulator.url, world.simulator.key, database_url, NOW.isoformat(),
        " ".join(tickers),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while len(world.query(DONE)) < 200:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finished = {subject for (subject,) in world.query(DONE)}
    assert 200 <= len(finished) < 505
    world.simulator.reset_stats()
    resumed = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert resumed.returncode == 0, resumed.stderr
    paths = [call["path"] for call in world.simulator.stats(calls=True)["calls"]]
    asked = {path.split("/")[4] for path in paths if "/range/" in path}
    assert not finished & asked
    assert len(finished) + len(asked) == 505
    assert world.query("SELECT DISTINCT status, attempts FROM work_units") == [("done", 1)]
    assert world.tables() == loaded.tables()
