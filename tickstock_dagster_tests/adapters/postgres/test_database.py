"""Connections: rights and time zone of a session, transactions, and errors that say where and why."""

import psycopg
import pytest

from tickstock_dagster.adapters.postgres.database import connected, open_engine, sqlalchemy_url, transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.core.errors import ConfigurationError, ServiceUnavailableError
from tickstock_dagster_tests.adapters.store_helpers import add_security, query

NOWHERE = "postgresql://someone:hidden-word@127.0.0.1:1/nowhere"


@pytest.mark.parametrize("url", ["", "hidden-word", "mysql://a:hidden-word@h/d", "postgresql://a:hidden-word@h"])
def test_a_url_that_is_not_postgresql_or_names_no_database_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the database URL is not accepted: accepted is postgresql://") as told:
        sqlalchemy_url(url)
    assert "hidden-word" not in str(told.value)


def test_work_is_done_with_the_writers_rights_in_utc_whatever_the_login(migrated_database_url: str) -> None:
    facts = "SELECT current_user, current_setting('timezone'), session_user <> current_user"
    with transaction(open_engine(migrated_database_url)) as connection:
        assert connection.execute(facts).fetchone() == ("tickstock_writer", "UTC", True)
    frame = read_frame(open_engine(migrated_database_url), facts)
    assert frame.rows() == [("tickstock_writer", "UTC", True)]


def test_a_transaction_is_committed_at_its_end_and_rolled_back_by_an_error(migrated_database_url: str) -> None:
    add_security(migrated_database_url, "AAA")
    engine = open_engine(migrated_database_url)

    def fail() -> None:
        with transaction(engine) as connection:
            connection.execute("UPDATE securities SET name = 'lost'")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with transaction(engine) as connection:
        connection.execute("UPDATE securities SET sector = 'kept'")
    assert query(migrated_database_url, "SELECT name, sector FROM securities") == [("Aaa", "kept")]


def test_a_server_that_is_down_is_named_with_the_reason_and_without_the_password() -> None:
    words = r"database 127\.0\.0\.1:1/nowhere cannot be reached: .*Connection refused"
    with pytest.raises(ServiceUnavailableError, match=words) as told, connected(open_engine(NOWHERE)):
        pass
    assert "hidden-word" not in str(told.value)
    with pytest.raises(ServiceUnavailableError, match=words) as told:
        read_frame(open_engine(NOWHERE), "SELECT 1")
    assert "hidden-word" not in str(told.value)


def test_a_wrong_password_is_told_and_not_repeated(migrated_database_url: str) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(migrated_database_url)
    wrong = open_engine(migrated_database_url.replace(f":{parts['password']}@", ":hidden-word@"))
    with pytest.raises(ServiceUnavailableError, match="password authentication failed") as told, transaction(wrong):
        pass
    assert "hidden-word" not in str(told.value)


@pytest.mark.parametrize("afterwards", ["SELECT 1", None])
def test_a_server_that_is_lost_in_a_transaction_is_named_and_the_next_transaction_connects_again(
    migrated_database_url: str, afterwards: str | None
) -> None:
    add_security(migrated_database_url, "AAA")
    engine = open_engine(migrated_database_url)

    def lose() -> None:
        with transaction(engine) as connection:
            connection.execute("UPDATE securities SET name = 'lost'")
            query(migrated_database_url, f"SELECT pg_terminate_backend({connection.info.backend_pid}, 5000)")
            if afterwards:
                connection.execute(afterwards)

    with pytest.raises(ServiceUnavailableError, match=r"database .*/test_\d+ was lost: "):
        lose()
    with transaction(engine) as connection:
        assert connection.execute("SELECT name FROM securities").fetchall() == [("Aaa",)]


def test_an_error_of_the_statement_stays_what_it_is(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    with pytest.raises(psycopg.errors.DivisionByZero), transaction(engine) as connection:
        connection.execute("SELECT 1 / 0")
    with pytest.raises(psycopg.errors.UndefinedTable), transaction(engine) as connection:
        connection.execute("SELECT * FROM nowhere")
    with pytest.raises(psycopg.errors.UndefinedTable):
        read_frame(engine, "SELECT * FROM nowhere")


def test_a_database_without_our_roles_says_to_migrate(migrated_database_url: str) -> None:
    missing = open_engine(migrated_database_url, role="tickstock_nobody")
    words = "has no schema yet: run `tickstock migrate`"
    with pytest.raises(ServiceUnavailableError, match=words), connected(missing):
        pass
