"""What the server refuses, in one line: each kind, by each driver, on a real server."""

from collections.abc import Callable

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
"""What nobody wants to provoke for real: the server says it, and every driver passes it on."""


def by_driver(engine: sa.Engine, text: str) -> None:
    with transaction(engine) as connection:
        connection.execute(text.encode())


def by_library(engine: sa.Engine, text: str) -> None:
    with connected(engine) as connection:
        connection.exec_driver_sql(text)


def by_arrow(engine: sa.Engine, text: str) -> None:
    read_frame(engine, text)


WAYS = (by_driver, by_library, by_arrow)
Way = Callable[[sa.Engine, str], None]


@pytest.mark.parametrize("way", WAYS)
def test_every_refusal_of_the_server_is_one_line_that_says_what_to_do(migrated_database_url: str, way: Way) -> None:
    engine = open_engine(migrated_database_url)
    for state, words in {
        "25006": "is read-only: could not extend file (use the primary server, or end its default_transaction_read_on",
        "53100": "has no space left on its disk: could not extend file (free some, and run it again)",
        "53200": "is out of memory: could not extend file (end other work on it",
        "53300": "has no connection left: could not extend file (close other sessions",
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
            f"{migrated_database_url}_no": f'cannot be reached: database "{parts["dbname"]}_no" does not exist (create it',
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
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for for a second, and looked after at once."""
    monkeypatch.setattr(lock_watch, "LOOK_AFTER", 0.05)
    lock_watch._wake.set()
    monkeypatch.setattr(database, "AT_WORK", Timeouts(lock=1.2, statement=30, idle=30))
    monkeypatch.setattr(locks, "PATIENCE", 1.2)


@pytest.mark.usefixtures("impatient")
def test_whoever_waits_in_vain_for_a_row_or_a_table_hears_who_holds_it(migrated_database_url: str) -> None:
    add_security(migrated_database_url, "AAA")
    engine = open_engine(migrated_database_url)
    for taken, wanted, what in (
        ("UPDATE securities SET name = 'theirs'", "UPDATE securities SET name = 'ours'", "a row of securities"),
        ("LOCK TABLE cache_entries", "SELECT * FROM cache_entries", "the table cache_entries"),
    ):
        with psycopg.connect(migrated_database_url, application_name="somebody") as other:
            other.execute(taken.encode())
            pid = other.info.backend_pid
            with pytest.raises(LockTimeoutError) as told, transaction(engine) as connection:
                connection.execute(wanted.encode())
            assert f"; {what} is held by process {pid} (somebody, login tickstock, idle in transaction) " in str(
                told.value
            )
            assert f" UTC: {taken} (run it again when the other has ended)" in str(told.value)


@pytest.mark.usefixtures("impatient")
def test_whoever_waits_in_vain_for_a_turn_hears_who_has_it(
    migrated_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_engine(migrated_database_url)
    name_sessions("tickstock load")
    try:
        with transaction(engine) as mine:
            lock(mine, Lock.BARS)
            lock(mine, Lock.MAILS)
            words = r"the turn 'tickstock bars' is held by process \d+ \(tickstock load, login tickstock, idle in"
            with pytest.raises(LockTimeoutError, match=words), transaction(engine) as other:
                lock(other, Lock.BARS)
            with pytest.raises(LockTimeoutError, match=r"the turn 'mails' is held by"), held(engine, Lock.MAILS):
                pass
    finally:
        name_sessions("tickstock")
    assert "waiting: the turn 'tickstock bars' is held by process" in caplog.text
    with transaction(engine) as connection:
        assert connection.execute("SHOW lock_timeout").fetchone() == ("1200ms",)


@pytest.mark.usefixtures("impatient")
def test_whoever_migrates_waits_for_another_who_does_and_says_for_whom(
    migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "PATIENCE", 1.2)
    with psycopg.connect(migrated_database_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (Lock.MIGRATIONS.value,))
        with pytest.raises(LockTimeoutError, match="the turn 'migrations' is held by process"):
            migrations.migrate(migrated_database_url)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('connection failed: connection to server at "::1", port 1 failed: FATAL:  odd', "odd"),
        ("IO: [libpq] Failed to execute query 'SELECT\n1': ERROR:  odd\nCONTEXT:  here\n. SQLSTATE: 53100", "odd"),
        ("connection is bad: refused\n\tIs the server running on that host?", "connection is bad: refused"),
        ("", "Exception"),
    ],
)
def test_the_reason_is_one_line_without_what_the_drivers_put_around_it(text: str, line: str) -> None:
    assert reason(Exception(text)) == line
