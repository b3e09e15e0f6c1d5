"""`tickstock eod`: one session to its end."""

from datetime import UTC, date, datetime
from pathlib import Path

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.store_helpers import counted_statements
from tickstock_dagster_tests.cli.office import Office
from tickstock_dagster_tests.defs.bars.bar_file import write_bars

NOW = datetime(2026, 11, 18, 15, tzinfo=UTC)


def test_a_session_that_stays_incomplete_fails_in_one_line_with_the_reason(office: Office) -> None:
    assert (
        office.tickstock("load", "--profile", "ui_testing_lite", "--from", "2026-11-18", "--to", "2026-11-18").code == 0
    )
    office.vendor.install("server_error", path="*/aggs/*")
    answer = office.tickstock("eod", "--session", "2026-11-19", "--json")
    assert answer.code == 1
    assert answer.out == ""
    assert "1 of 1 sessions stay incomplete; worst 2026-11-19: 0 of 10 bars" in answer.error
    assert "502" in answer.error
    assert office.rows("SELECT count(*) FROM outbox WHERE channel = 'tickstock.eod.complete'") == [0]


def test_a_session_that_an_override_added_is_loaded_and_told_about(office: Office, tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    rows = [f"{ticker},2026-11-{day},10,11,9,10.5,1000000" for ticker in ("AAPL", "KO") for day in (13, 14, 16)]
    bars.write_text("\n".join(["ticker,date,open,high,low,close,volume", *rows]) + "\n")
    write_universe(
        open_engine(office.database_url), "two", "list", "Two", ["AAPL", "KO"], track_from=date(2026, 11, 13), now=NOW
    )
    office.execute(
        "INSERT INTO market_calendar_overrides "
        "(calendar, session, action, opens_at, closes_at, reason, created_by, created_at) VALUES "
        "('XNYS', '2026-11-14', 'add', '2026-11-14T14:30Z', '2026-11-14T21:00Z', 'a Saturday session', 'tests', now())"
    )
    with RunningSimulator(plan="advanced", bars=bars, rate=(100_000, 1), now=NOW) as vendor:
        office.configure(MASSIVE_BASE_URL=vendor.url)
        answer = office.tickstock("eod", "--session", "2026-11-14", "--json")
        assert answer.code == 0, answer.err
        assert (answer.json["session"], answer.json["event"]) == ("2026-11-14", "delivered")
        stored = "SELECT session::text, count(*) FROM ohlcv_daily GROUP BY 1 ORDER BY 1"
        assert office.rows(stored) == [("2026-11-14", 2)]
        subjects = office.rows("SELECT subject FROM outbox WHERE channel = 'tickstock.eod.complete'")
        assert subjects == ["XNYS/2026-11-14"]

        vendor.reset_stats()
        assert office.tickstock("eod", "--session", "2026-11-14").code == 0
        assert vendor.stats()["total"] == 0
        span = ("--from", "2026-11-13", "--to", "2026-11-16")
        loaded = office.tickstock("load", "--symbols", "AAPL", *span, "--json")
        assert loaded.code == 0, loaded.err
        assert [run.job_name for run in office.runs()][:3] == ["us_actions", "us_symbols", "us_eod"]
        assert sum(run["bars_missing"] for run in loaded.json) == 0


def test_a_session_outside_the_vendors_history_is_refused_by_name(office: Office) -> None:
    for text in ("1990-01-03", "2003-09-09", "2099-01-05"):
        answer = office.tickstock("eod", "--session", text)
        assert answer.code == 2
        assert answer.error.startswith(f"--session '{text}' is not accepted: a session of XNYS from 2003-09-10 to ")


def test_a_session_that_is_looked_at_again_becomes_final_once(office: Office) -> None:
    span = ("--from", "2026-11-19", "--to", "2026-11-19")
    assert office.tickstock("load", "--profile", "ui_testing_lite", *span).code == 0
    office.execute("UPDATE ohlcv_daily SET status = 'provisional'")
    again = office.tickstock("eod", "--session", "2026-11-19", "--reconcile", "--json")
    assert again.code == 0, again.err
    assert again.json["bars_finalised"] > 0
    assert (again.json["bars_restated"], again.json["bars_still_provisional"]) == (0, 0)
    assert office.rows("SELECT DISTINCT status FROM ohlcv_daily") == ["final"]
    told = office.tickstock("eod", "--session", "2026-11-19", "--reconcile")
    assert "0 bars became final, 0 were restated" in told.out
    office.execute("UPDATE ohlcv_daily SET status = 'provisional'")
    office.vendor.install("server_error", path="*/aggs/*")
    failed = office.tickstock("eod", "--session", "2026-11-19", "--reconcile")
    assert failed.code == 1
    assert "502" in failed.error


def test_a_session_of_tokyo_is_loaded_declared_and_reconciled_from_its_file(office: Office, tmp_path: Path) -> None:
    refused = office.tickstock("eod", "--market", "XTKS")
    assert refused.code == 2
    assert refused.error.startswith("TICKSTOCK_FILES_XTKS")
    path = write_bars(tmp_path / "tokyo.parquet", (date(2026, 11, 20),))
    office.configure(TICKSTOCK_FILES_XTKS=f"files:{path}", TICKSTOCK_NOW="2026-11-20T07:30:00+00:00")
    answer = office.tickstock("eod", "--market", "Tokyo", "--json")
    assert answer.code == 0, answer.err
    assert (answer.json["session"], answer.json["bars_stored"], answer.json["event"]) == ("2026-11-20", 3, "delivered")
    subjects = office.rows("SELECT subject FROM outbox WHERE channel = 'tickstock.eod.complete'")
    assert subjects == ["XTKS/2026-11-20"]
    assert office.rows("SELECT DISTINCT status FROM ohlcv_daily") == ["provisional"]
    office.configure(TICKSTOCK_NOW="2026-11-24T03:00:00+00:00")
    again = office.tickstock("eod", "--market", "XTKS", "--session", "2026-11-20", "--reconcile", "--json")
    assert again.code == 0, again.err
    assert (again.json["bars_finalised"], again.json["vendor_calls"]) == (3, 0)
    closed = office.tickstock("eod", "--market", "XTKS", "--session", "2026-11-23")
    assert "a session of XTKS; the nearest are 2026-11-20 and 2026-11-24" in closed.error


def test_one_end_of_day_resolves_what_is_expected_and_the_calendar_a_few_times(office: Office) -> None:
    span = ("--from", "2026-11-18", "--to", "2026-11-18")
    assert office.tickstock("load", "--profile", "ui_testing_lite", *span).code == 0
    with counted_statements() as sent:
        answer = office.tickstock("eod", "--session", "2026-11-19", "--json")
    assert answer.code == 0, answer.err
    assert (answer.json["event"], answer.json["bars_missing"]) == ("delivered", 0)
    # Before the load, in it, for long gaps, for every universe's own state, for the checks of the table, and for those
    # of the newest session.
    assert sent.count(statement("universes/universe_spans")) == 6
    # For the command, in the run once for each of the four calendars, whichever asset or check asks, and for the
    # three abroad again when the session is judged.
    assert sent.count(statement("calendars/overrides")) == 8
