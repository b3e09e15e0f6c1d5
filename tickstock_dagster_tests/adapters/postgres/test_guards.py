"""What the reading application cannot do to the factory, on the embedded server and on others."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from tickstock_dagster.adapters.postgres.database import WRITER_ROLE, connected, open_engine, transaction
from tickstock_dagster.adapters.postgres.guards import guard
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.migrations import migrate
from tickstock_dagster.adapters.services import postgres as service
from tickstock_dagster.adapters.services.local import LocalServices
from tickstock_dagster.adapters.services.postgres import GUARDED, WAREHOUSE
from tickstock_dagster_tests.adapters.store_helpers import query
from tickstock_dagster_tests.conftest import POSTGRES_OPTIONS

REFUSED = (
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock(hashtext('tickstock bars'))",
    "SELECT pg_try_advisory_lock(1, 2)",
    "SELECT pg_advisory_lock_shared(1)",
    "CREATE TEMP TABLE mine (a int)",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT * FROM ohlcv_daily FOR UPDATE",
    "SELECT * FROM work_units FOR SHARE",
    "LOCK TABLE ohlcv_daily IN ROW SHARE MODE",
    "LOCK TABLE ohlcv_daily",
)


def guarded(database_url: str) -> tuple[str, ...]:
    with connected(open_engine(database_url, role=None)) as connection:
        return guard(connection)


@pytest.fixture
def reader_url(migrated_database_url: str) -> Iterator[str]:
    """A login that is a member of tickstock_app and of nothing else, in a guarded database."""
    assert guarded(migrated_database_url) == ()
    parts = psycopg.conninfo.conninfo_to_dict(migrated_database_url)
    name = f"reader_of_{parts['dbname']}"
    query(migrated_database_url, f"CREATE ROLE {name} LOGIN PASSWORD 'plain-word' IN ROLE tickstock_app")
    yield f"postgresql://{name}:plain-word@{parts['host']}:{parts['port']}/{parts['dbname']}"
    query(migrated_database_url, f"DROP ROLE {name}")


def test_the_reading_application_can_lock_nothing_but_against_changes_of_the_schema(reader_url: str) -> None:
    with psycopg.connect(reader_url, autocommit=True) as connection:
        for attempt in REFUSED:
            with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                connection.execute(attempt.encode())
        # These two every session may; the timeouts below end the first, and the dispatcher bears the second.
        with connection.transaction():
            connection.execute("LOCK TABLE ohlcv_daily IN ACCESS SHARE MODE")
        connection.execute("NOTIFY tickstock_outbox")


def test_sessions_of_others_end_what_takes_too_long_and_ours_have_their_own_limits(
    reader_url: str, migrated_database_url: str
) -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    shown = f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}"
    assert query(reader_url, shown) == [("30s", "5min", "5min")]
    assert query(reader_url, "SHOW min_parallel_table_scan_size") == [("48MB",)]
    with transaction(open_engine(migrated_database_url)) as connection:
        assert connection.execute(shown.encode()).fetchone() == ("5min", "30min", "30min")
    with connected(open_engine(migrated_database_url, role=None)) as owner:
        assert tuple(owner.exec_driver_sql(shown).one()) == ("1min", "0", "30min")


def test_what_the_operator_has_set_stays_and_twice_equals_once(migrated_database_url: str) -> None:
    name = migrated_database_url.rpartition("/")[2]
    query(migrated_database_url, f"ALTER DATABASE {name} SET statement_timeout = '1h'")
    assert guarded(migrated_database_url) == guarded(migrated_database_url) == ()
    assert query(migrated_database_url, "SHOW statement_timeout") == [("1h",)]
    assert query(migrated_database_url, "SHOW lock_timeout") == [("30s",)]


def test_what_only_a_superuser_can_close_is_said_and_the_rest_closed(migrated_database_url: str) -> None:
    everybodys = "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), lo_creat(integer) TO PUBLIC"
    query(migrated_database_url, everybodys)
    assert guarded(migrated_database_url) == (
        "tickstock_app may take advisory locks, for which loads would wait until their lock_timeout",
        "tickstock_app may create large objects",
    )
    rights = "SELECT has_database_privilege('tickstock_app', current_database(), 'TEMPORARY')"
    assert query(migrated_database_url, rights) == [(False,)]


@pytest.mark.slow
def test_a_superuser_closes_all_of_it_and_a_cluster_of_a_former_release_is_closed_at_its_next_start(
    tmp_path: Path,
) -> None:
    local = LocalServices(tmp_path / "state", postgres_options=POSTGRES_OPTIONS)
    local.start({"postgres"})
    url, data = local.postgres.url(WAREHOUSE), local.postgres.data
    assert url is not None
    migrate(url)

    def alone(statement: str) -> None:
        """What only the superuser may, while no server runs."""
        local.down()
        binaries = service.binary_folder()
        command = [*service.launch_prefix(data), *service._single(binaries, data, WAREHOUSE)]
        service._run(command, data, service._line(statement))

    opened = (
        "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc WHERE proname ~ '^(pg_advisory|lo_)' "
        "LOOP EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', f); END LOOP; END $$"
    )
    try:
        alone(f"{opened}; ALTER ROLE tickstock SUPERUSER")
        local.start({"postgres"})
        assert migrate(url).open == ()
        _refused(url)

        alone(f"{opened}; ALTER ROLE tickstock NOSUPERUSER")
        (data / GUARDED).unlink()
        local.start({"postgres"})
        assert (data / GUARDED).exists()
        _refused(url)
        with transaction(open_engine(url, role=WRITER_ROLE)) as connection:
            lock(connection, Lock.BARS)
    finally:
        local.down()


def _refused(url: str) -> None:
    for attempt in ("SELECT pg_advisory_lock(1)", "SELECT lo_creat(0)"):
        with psycopg.connect(url, options="-c role=tickstock_app") as app, pytest.raises(errors.InsufficientPrivilege):
            app.execute(attempt.encode())
