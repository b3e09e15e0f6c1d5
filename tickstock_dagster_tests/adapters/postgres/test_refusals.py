"""What the server refuses, in one line: each kind, by each driver, on a real server."""

from collections.abc import Callable
from functools import partial

import psycopg
import pytest
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres import database, lock_watch, locks, migrations
from tickstock_dagster.adapters.postgres.database import connected, name_sessions, open_engine, transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.locks import Lock, held, lock
from tickstock_dagster.adapters.postgres.refusals import DatabaseError, LockTimeoutError, reason
from tickstock_dagster.adapters.postgres.timeouts import Timeouts
from tickstock_dagster.core.errors import ServiceUnavailableError
from tickstock_dagster_tests.adapters.store_helpers import add_security, query

RAISED = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{state}'; END $$"
"""What is better not provoked for real: the server says it, and every driver passes it on."""


def by_driver(engine: sa.Engine, text: str) -> None:
    with transaction(engine) as connection:
        connection.execute(text.encode())


def by_library(engine: sa.Engine, text: str) -> None:
    with connected(engine) as connection:
        connection.exec_driver_sql(text)


WAYS = (by_driver, by_library)
Way = Callable[[sa.Engine, str], None]


@pytest.mark.parametrize("way", WAYS)
def test_every_refusal_of_the_server_is_one_line_that_says_what_to_do(migrated_database_url: str, way: Way) -> None:
    engine = open_engine(migrated_database_url)
    for state, words in {
        "25006": "is read-only: could not extend file (use the primary server, or end its default_transaction_read_on",
        "53100": "has no space left on its disk: could not extend file (free some, and run it again)",
        "53200": "is out of memory: could not extend file (end other work on it",
        "53300": "has no connection left: could not extend file (close other sessions",
        "54000": "reached a limit of its own: could not extend file (a full queue of NOTIFY is held by a session",
        "40P01": "undid one of two transactions that waited for each other: could not extend file (run it again)",
        "42501": "refuses: could not extend file (run `tickstock migrate` as the database's owner",
        "57014": "ended a statement: could not extend file (see its statement_timeout, or who cancelled it)",
        "58030": "cannot read or write its files: could not extend file (see the server's log)",
        "XX001": "has a damaged table: could not extend file (see the server's log",
    }.items():
        with pytest.raises(DatabaseError) as told:
            way(engine, RAISED.format(state=state))
        assert words in str(told.value)
        assert str(told.value).startswith("database 127.0.0.1:")
        assert "\n" not in str(told.value)
        assert told.value.sqlstate == state


@pytest.mark.parametrize("way", WAYS)
def test_a_read_only_database_is_told_for_real(migrated_database_url: str, way: Way) -> None:
    name = migrated_database_url.rpartition("/")[2]
    query(migrated_database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseError, match="is read-only: cannot execute UPDATE in a read-only transaction"):
        way(open_engine(migrated_database_url), "UPDATE securities SET name = 'x'")


@pytest.mark.parametrize("way", WAYS)
def test_a_statement_without_end_ends_in_words(
    migrated_database_url: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "AT_WORK", Timeouts(lock=1, statement=0.05, idle=1))
    with pytest.raises(DatabaseError, match="ended a statement: canceling statement due to statement timeout"):
        way(open_engine(migrated_database_url), "SELECT pg_sleep(30)")


@pytest.mark.parametrize("way", WAYS)
def test_a_session_that_may_not_be_made_is_told_without_its_password(migrated_database_url: str, way: Way) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(migrated_database_url)
    wrong = migrated_database_url.replace(f":{parts['password']}@", ":hidden-word@")
    single = f"single_{parts['dbname']}"
    query(migrated_database_url, f"CREATE ROLE {single} LOGIN PASSWORD 'hidden-word' CONNECTION LIMIT 0")
    try:
        for url, words in {
            wrong: 'refuses the login: password authentication failed for user "tickstock" (check the login',
            f"{migrated_database_url}_no": f'cannot be reached: database "{parts["dbname"]}_no" does not exist (create',
            wrong.replace(
                "//tickstock:", f"//{single}:"
            ): f'has no connection left: too many connections for role "{single}"',
            "postgresql://a:hidden-word@127.0.0.1:1/db": "127.0.0.1:1/db cannot be reached: Connection refused",
            "postgresql://a:hidden-word@nowhere.invalid/db": "nowhere.invalid:5432/db cannot be reached: ",
        }.items():
            with pytest.raises(ServiceUnavailableError) as told:
                way(open_engine(url), "SELECT 1")
            assert words in str(told.value)
            assert "hidden-word" not in str(told.value)
            assert "\n" not in str(told.value)
    finally:
        query(migrated_database_url, f"DROP ROLE {single}")


# -- locks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], str]:
    """What ends a wait for a lock. Where a second is too short to look, since the machine is busy, it waits longer."""
    monkeypatch.setattr(lock_watch, "LOOK_AFTER", 0.05)
    lock_watch._wake.set()

    def refusal_of(act: Callable[[], object]) -> str:
        told = ""
        for seconds in (1, 6, 30):
            database.close_engines()
            monkeypatch.setattr(database, "AT_WORK", Timeouts(lock=seconds, statement=60, idle=60))
            for module in (locks, migrations):
                monkeypatch.setattr(module, "PATIENCE", seconds)
            with pytest.raises(LockTimeoutError) as refused:
                act()
            told = str(refused.value)
            if "is held by" in told:
                break
        return told

    return refusal_of


Refusal = Callable[[Callable[[], object]], str]


def test_whoever_waits_in_vain_for_a_row_or_a_table_hears_who_holds_it(
    migrated_database_url: str, refusal: Refusal
) -> None:
    add_security(migrated_database_url, "AAA")
    for taken, wanted, what in (
        ("UPDATE securities SET name = 'theirs'", "UPDATE securities SET name = 'ours'", "a row of securities"),
        ("LOCK TABLE cache_entries", "SELECT * FROM cache_entries", "the table cache_entries"),
    ):
        with psycopg.connect(migrated_database_url, application_name="somebody") as other:
            other.execute(taken.encode())
            told = refusal(partial(work, migrated_database_url, wanted))
            held_by = f"is held by process {other.info.backend_pid} (somebody, login tickstock, idle in transaction) "
            assert f"; {what} {held_by}" in told
            assert f" UTC: {taken} (run it again when the other has ended)" in told


def work(database_url: str, text: str) -> None:
    by_driver(open_engine(database_url), text)


def test_whoever_waits_in_vain_for_a_turn_hears_who_has_it(
    migrated_database_url: str, refusal: Refusal, caplog: pytest.LogCaptureFixture
) -> None:
    def wait_in_a_transaction() -> None:
        with transaction(open_engine(migrated_database_url)) as connection:
            lock(connection, Lock.BARS)

    def wait_for_a_block() -> None:
        with held(open_engine(migrated_database_url), Lock.MAILS):
            pass

    with psycopg.connect(migrated_database_url) as other:
        for which in (Lock.BARS, Lock.MAILS, Lock.MIGRATIONS):
            lock(other, which)
        assert "the turn 'tickstock bars' is held by process" in refusal(wait_in_a_transaction)
        assert "the turn 'mails' is held by process" in refusal(wait_for_a_block)
        assert "the turn 'migrations' is held by process" in refusal(partial(migrations.migrate, migrated_database_url))
    assert "waiting: the turn 'tickstock bars' is held by process" in caplog.text


def test_the_server_shows_what_our_sessions_are_for_and_waits_are_as_long_as_before(
    migrated_database_url: str,
) -> None:
    engine = open_engine(migrated_database_url)
    shown = "SELECT current_setting('application_name') AS program, current_setting('lock_timeout') AS wait"
    with transaction(engine):  # a session that has another name already
        name_sessions("tickstock load")
    try:
        with held(engine, Lock.MAILS):
            pass
        with transaction(engine) as connection:
            assert connection.execute(shown).fetchone() == ("tickstock load", "5min")
        assert read_frame(engine, shown).rows() == [("tickstock load", "5min")]
    finally:
        name_sessions("tickstock")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('connection failed: connection to server at "::1", port 1 failed: FATAL:  odd', "odd"),
        ("connection is bad: refused\n\tIs the server running on that host?", "connection is bad: refused"),
        ("", "Exception"),
    ],
)
def test_the_reason_is_one_line_without_what_the_drivers_put_around_it(text: str, line: str) -> None:
    assert reason(Exception(text)) == line
