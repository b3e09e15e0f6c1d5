"""A database that refuses in the middle of a load: the same line at the command line and in the run's history."""

import dagster as dg
import psycopg
import pytest

from tickstock_dagster.adapters.postgres import database, lock_watch
from tickstock_dagster.adapters.postgres.timeouts import Timeouts
from tickstock_dagster_tests.cli.office import Office

LOAD = ("load", "--symbols", "AAPL,KO", "--from", "2026-11-02", "--to", "2026-11-06")

NO_SPACE = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file "base/1/2"' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON ohlcv_daily EXECUTE FUNCTION full_disk();
"""


def reasons(office: Office) -> list[str]:
    """Why the steps of all runs failed, as their history says."""
    with office.instance() as instance:
        events = [
            entry.dagster_event.step_failure_data
            for run in instance.get_runs()
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
            if entry.dagster_event
        ]
    return [failure.user_failure_data.description for failure in events if failure.user_failure_data]


def test_a_full_disk_is_one_line_here_and_in_the_history_and_the_next_load_goes_on(office: Office) -> None:
    office.execute(NO_SPACE)
    answer = office.tickstock(*LOAD)
    assert answer.code == 1
    words = 'has no space left on its disk: could not extend file "base/1/2" (free some, and run it again)'
    assert answer.error.startswith("run ")
    assert words in answer.error
    (reason,) = reasons(office)
    assert reason.startswith("database 127.0.0.1:")
    assert words in reason
    office.execute("DROP FUNCTION full_disk CASCADE")
    assert "10 of 10 bars stored (10 new)" in office.tickstock(*LOAD).out


def test_a_read_only_database_is_one_line(office: Office) -> None:
    assert office.tickstock("migrate").code == 0
    office.execute(f"ALTER DATABASE {office.database_url.rpartition('/')[2]} SET default_transaction_read_only = on")
    answer = office.tickstock(*LOAD)
    assert answer.code == 1
    assert "is read-only: cannot execute " in answer.error
    assert office.tickstock("status").code == 0


@pytest.mark.slow
def test_a_load_that_waits_for_a_lock_in_vain_says_who_holds_it(office: Office) -> None:
    office.monkeypatch.setattr(database, "AT_WORK", Timeouts(lock=2, statement=60, idle=60))
    office.monkeypatch.setattr(lock_watch, "LOOK_AFTER", 0.1)
    lock_watch._wake.set()
    with psycopg.connect(office.database_url, application_name="somebody's psql") as other:
        other.execute("LOCK TABLE ohlcv_daily IN EXCLUSIVE MODE")
        answer = office.tickstock(*LOAD)
        assert answer.code == 1
        assert f"; the table ohlcv_daily is held by process {other.info.backend_pid} (somebody's psql, " in answer.error
    assert office.tickstock(*LOAD).code == 0


def test_a_storage_of_dagster_that_refuses_is_told_apart_from_the_store(office: Office) -> None:
    name = office.storage_url.rpartition("/")[2]
    office.runs()  # its tables are there
    office.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        answer = office.tickstock(*LOAD)
    finally:
        office.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert answer.code == 1
    assert answer.error.startswith("Dagster's storage: database 127.0.0.1:")
    assert "is read-only: cannot execute " in answer.error
