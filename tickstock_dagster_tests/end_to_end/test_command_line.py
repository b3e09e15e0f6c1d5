"""The `tickstock` command as a person and as a script meet it: the main job, loads, and every kind of bad input.

Commands run in this process on a fresh warehouse, against a simulator that keeps the real clock.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from tickstock_dagster.adapters.services.local import ServiceAddresses
from tickstock_dagster.cli import main
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.settings import load_settings
from tickstock_dagster.simulator.testing import RunningSimulator

CALENDAR = library_calendar("XNYS")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)


Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator() as running:
        yield running


@pytest.fixture
def migrated_database_url(warehouse_url: str) -> str:
    """The warehouse that the commands work on."""
    return warehouse_url


@pytest.fixture
def tickstock(
    simulator: RunningSimulator,
    migrated_database_url: str,
    services: ServiceAddresses,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Command]:
    """Run one command line; the warehouse is fresh, Dagster's storage is the session's."""
    simulator.reset()
    before = dict(os.environ)
    monkeypatch.setenv("TICKSTOCK_DATABASE_URL", migrated_database_url)
    monkeypatch.setenv("TICKSTOCK_REDIS_URL", redis_url)
    monkeypatch.setenv("TICKSTOCK_DAGSTER_STORAGE_URL", services.dagster_storage_url)
    monkeypatch.setenv("MASSIVE_BASE_URL", simulator.url)

    def run(*arguments: str) -> Outcome:
        load_settings.cache_clear()
        monkeypatch.setattr("sys.argv", ["tickstock", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        captured = capfd.readouterr()
        return Outcome(int(left.value.code or 0), captured.out, captured.err)

    yield run
    os.environ.clear()
    os.environ.update(before)
    load_settings.cache_clear()


def query(url: str, text: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(text).fetchall()


def settled_session() -> date:
    """A session that the vendor has published for long, whatever the hour of the test."""
    latest = CALENDAR.latest_closed_session(datetime.now(UTC) - timedelta(days=2))
    return CALENDAR.previous_session(latest)


@pytest.mark.slow
def test_the_main_job_ends_with_a_summary_and_costs_no_call_the_second_time(
    tickstock: Command, simulator: RunningSimulator, migrated_database_url: str
) -> None:
    first = tickstock("run")
    assert first.code == 0, first.err
    assert "15 of 15" in first.out
    assert "tickstock.eod.complete delivered" in first.out
    assert "make dev" in first.out
    assert query(migrated_database_url, "SELECT count(*) FROM ohlcv_daily WHERE NOT is_fmv")[0][0] >= 15
    simulator.reset_stats()
    again = tickstock("run", "--json")
    assert again.code == 0, again.err
    facts = again.json
    assert (facts["bars_stored"], facts["vendor_calls"], facts["event"]) == (15, 0, "delivered")
    assert simulator.stats()["total"] == 0
    events = query(migrated_database_url, "SELECT channel FROM outbox WHERE channel = 'tickstock.eod.complete'")
    assert len(events) == 1


@pytest.mark.slow
def test_symbols_load_by_their_grid_and_are_free_the_second_time(
    tickstock: Command, simulator: RunningSimulator
) -> None:
    arguments = ("load", "--symbols", "AAPL,brk/b", "--from", "2026-01-05", "--to", "2026-01-16", "--json")
    first = tickstock(*arguments)
    assert first.code == 0, first.err
    facts = first.json[0]
    assert (facts["bars_stored"], facts["bars_expected"], facts["bars_missing"]) == (20, 20, 0)
    simulator.reset_stats()
    again = tickstock(*arguments).json[0]
    assert (again["rows_inserted"], again["vendor_calls"]) == (0, 0)
    assert simulator.stats()["total"] == 0


@pytest.mark.slow
def test_what_lies_before_the_grid_loads_by_session(tickstock: Command, migrated_database_url: str) -> None:
    outcome = tickstock("load", "--symbols", "MSFT", "--from", "2024-12-30", "--to", "2025-01-03")
    assert outcome.code == 0, outcome.err
    assert "4 of 4 bars stored" in outcome.out
    stored = query(migrated_database_url, "SELECT session FROM ohlcv_daily WHERE ticker = 'MSFT' ORDER BY session")
    assert [row[0].isoformat() for row in stored] == ["2024-12-30", "2024-12-31", "2025-01-02", "2025-01-03"]


def test_a_file_is_loaded_as_it_is(tickstock: Command, tmp_path: Path, migrated_database_url: str) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("symbol,date,open,high,low,close,volume\nTRUE,2026-02-02,10,11,9,10.5,1000\n")
    outcome = tickstock(
        "load", "--symbols", "TRUE", "--from", "2026-02-02", "--to", "2026-02-02", "--source", f"files:{path}"
    )
    assert outcome.code == 0, outcome.err
    assert query(migrated_database_url, "SELECT ticker, close, left(source, 6) FROM ohlcv_daily") == [
        ("TRUE", pytest.approx(10.5), "files:")
    ]


def test_a_profile_is_tracked_and_its_status_shows_every_session(tickstock: Command) -> None:
    session = settled_session()
    loaded = tickstock("load", "--profile", "ui_testing_lite", "--from", str(session), "--to", str(session))
    assert loaded.code == 0, loaded.err
    status = tickstock("status", "--sessions", "5", "--json").json
    states = {state["session"]: state for state in status["sessions"]}
    assert status["tracked"] == 10
    assert (states[str(session)]["stored"], states[str(session)]["missing"]) == (10, 0)
    shown = tickstock("status", "--sessions", "5")
    assert "10 tracked symbols" in shown.out
    assert str(session) in shown.out


def test_a_plan_makes_no_call_for_bars(tickstock: Command, simulator: RunningSimulator) -> None:
    plan = tickstock("plan", "--symbols", "AAPL,MSFT", "--years", "1", "--json").json
    assert (plan["calls"], plan["range_calls"], plan["grouped_calls"]) == (2, 2, 0)
    assert plan["missing_bars"] == pytest.approx(2 * 251, abs=6)
    assert not [name for name in simulator.stats()["by_endpoint"] if "aggs" in name]
    words = tickstock("plan", "--symbols", "AAPL,MSFT", "--years", "1").out
    assert "vendor calls                2" in words


@pytest.mark.slow
def test_one_session_ends_with_its_event(tickstock: Command) -> None:
    session = settled_session()
    assert tickstock("load", "--profile", "ui_testing_lite", "--from", str(session), "--to", str(session)).code == 0
    facts = tickstock("eod", "--session", str(session), "--json").json
    assert (facts["session"], facts["bars_stored"], facts["event"]) == (str(session), 10, "delivered")


@pytest.mark.slow
def test_equal_stores_have_equal_fingerprints(tickstock: Command) -> None:
    empty = tickstock("fingerprint", "--json").json
    assert tickstock("fingerprint", "--json").json == empty
    tickstock("load", "--symbols", "AAPL", "--from", "2026-01-05", "--to", "2026-01-06")
    loaded = tickstock("fingerprint", "--json").json
    assert loaded["sha256"] != empty["sha256"]
    assert loaded["tables"]["ohlcv_daily"]["rows"] == 2
    assert tickstock("fingerprint").out.splitlines()[-1] == loaded["sha256"]


def test_migrating_twice_applies_nothing(tickstock: Command) -> None:
    assert "is up to date" in tickstock("migrate").out
    assert tickstock("migrate", "--json").json["applied"] == []


NEXT_YEAR = f"{datetime.now(UTC).year + 1}-03-02"

BAD_INPUT = {
    "unknown symbol": (("load", "--symbols", "AAPL,NOSUCH"), ("NOSUCH", "accepted:")),
    "malformed symbol": (("load", "--symbols", "A?B"), ("A?B",)),
    "no symbol at all": (("load", "--symbols", " , "), ("--symbols",)),
    "unknown universe": (("load", "--universe", "etf_grwoth"), ("etf_grwoth", "did you mean etf_growth?")),
    "unknown profile": (("load", "--profile", "devv"), ("devv", "did you mean dev?")),
    "unknown source": (("load", "--source", "bloomberg"), ("bloomberg", "massive, simulator or files:PATH")),
    "two selections": (("load", "--symbols", "AAPL", "--profile", "dev"), ("one of --universe",)),
    "two spans": (("load", "--symbols", "AAPL", "--years", "1", "--months", "1"), ("--years --months",)),
    "no date": (("load", "--symbols", "AAPL", "--from", "soon"), ("--from 'soon'", "YYYY-MM-DD")),
    "inverted range": (("load", "--from", "2026-02-02", "--to", "2026-01-02"), ("--from", "up to --to")),
    "future date": (("load", "--symbols", "AAPL", "--to", NEXT_YEAR), ("--to", "the latest closed session")),
    "closed days only": (("load", "--from", "2026-07-03", "--to", "2026-07-05"), ("a session of XNYS",)),
    "no years": (("load", "--symbols", "AAPL", "--years", "0"), ("--years", "a number from 1")),
    "holiday": (("eod", "--session", "2026-07-03"), ("2026-07-02", "2026-07-06")),
    "future session": (("eod", "--session", NEXT_YEAR), ("a session that has closed",)),
    "nothing tracked": (("eod",), ("tracked universes",)),
    "missing file": (("load", "--source", "files:/nowhere/bars.csv"), ("/nowhere/bars.csv",)),
    "unknown option": (("load", "--symbol", "AAPL"), ("--symbol",)),
    "unknown command": (("laod",), ("laod",)),
}  # fmt: skip


@pytest.mark.slow  # a process each; the commands' own tests ask the same in one
@pytest.mark.parametrize(("arguments", "words"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_is_named_with_what_is_accepted_and_changes_nothing(
    arguments: tuple[str, ...], words: tuple[str, ...], tickstock: Command, migrated_database_url: str
) -> None:
    outcome = tickstock(*arguments)
    assert outcome.code == 2, outcome.err
    for word in words:
        assert word in outcome.err
    assert "Traceback" not in outcome.err
    assert query(migrated_database_url, "SELECT count(*) FROM ohlcv_daily")[0][0] == 0


def test_a_malformed_parquet_is_named(tickstock: Command, tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    path.write_bytes(b"PAR1 not really")
    outcome = tickstock("load", "--symbols", "AAPL", "--source", f"files:{path}")
    assert outcome.code == 2
    assert str(path) in outcome.err
    pl.DataFrame({"symbol": ["AAPL"], "date": ["2026-02-02"], "open": [1.0]}).write_parquet(path)
    outcome = tickstock("load", "--symbols", "AAPL", "--source", f"files:{path}")
    assert outcome.code == 2
    assert "high" in outcome.err


def test_a_wrong_key_is_named_and_not_shown(
    tickstock: Command, monkeypatch: pytest.MonkeyPatch, migrated_database_url: str
) -> None:
    monkeypatch.setenv("MASSIVE_API_KEY", "wrong-and-secret")
    outcome = tickstock("load", "--symbols", "AAPL", "--months", "1")
    assert outcome.code == 1
    assert "Unknown API Key" in outcome.err
    assert "wrong-and-secret" not in outcome.out + outcome.err
    assert query(migrated_database_url, "SELECT count(*) FROM securities")[0][0] == 0


def test_a_database_that_is_down_is_named_without_its_password(
    tickstock: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKSTOCK_DATABASE_URL", "postgresql://someone:hidden-word@127.0.0.1:9/warehouse")
    outcome = tickstock("status")
    assert outcome.code == 1
    assert "127.0.0.1:9/warehouse cannot be reached" in outcome.err
    assert "hidden-word" not in outcome.out + outcome.err


def test_a_newer_schema_is_refused(tickstock: Command, migrated_database_url: str) -> None:
    with psycopg.connect(migrated_database_url) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES ('9999', '9999_from_the_future', 'x', now())")
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    outcome = tickstock("status")
    assert outcome.code == 1
    assert "9999_from_the_future" in outcome.err
    assert "install the newer release" in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("empty_200", "5 of 5 bars are missing"),
        ("cut_body", "AAPL"),
        ("other_ticker", "AAPL"),
        ("other_day", "AAPL"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_is_refused_and_what_was_stored_stays(
    fault: str, words: str, tickstock: Command, simulator: RunningSimulator, migrated_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    span = ("--from", "2026-01-05", "--to", "2026-01-09")
    assert tickstock("load", "--symbols", "MSFT", *span).code == 0
    before = tickstock("fingerprint", "--json").json["tables"]["ohlcv_daily"]
    monkeypatch.setattr("tickstock_dagster.adapters.sources.retry.RetryPolicy.for_plan", _quick_retries())
    simulator.install(fault, path="/v2/aggs/ticker/*")
    outcome = tickstock("load", "--symbols", "AAPL", *span)
    assert outcome.code == 1, outcome.out
    assert words in outcome.err
    assert "Traceback" not in outcome.err
    assert tickstock("fingerprint", "--json").json["tables"]["ohlcv_daily"] == before
    simulator.clear_faults()
    with psycopg.connect(migrated_database_url) as connection:
        connection.execute("UPDATE bar_gaps SET retry_at = now() WHERE NOT is_final")
    assert tickstock("load", "--symbols", "AAPL", *span).code == 0


def _quick_retries():
    from tickstock_dagster.adapters.sources.retry import RetryPolicy

    return classmethod(lambda _cls, _plan: RetryPolicy(attempts=2, deadline=5))
