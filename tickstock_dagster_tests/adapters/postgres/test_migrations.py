"""Migrations against a real PostgreSQL: what is applied, once, by whom, and what is refused."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from tickstock_dagster.adapters.ledger.units import units_done
from tickstock_dagster.adapters.postgres import migrations, sql_files
from tickstock_dagster.adapters.postgres.database import WRITER_ROLE, open_engine
from tickstock_dagster.adapters.postgres.migration_files import SchemaError, read_migrations
from tickstock_dagster.adapters.postgres.migrations import migrate, require_current_schema
from tickstock_dagster.adapters.postgres.sql_files import sql_folder, statement
from tickstock_dagster.core.errors import ServiceUnavailableError
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster_tests.adapters.store_helpers import MON, WED, add_security, query

NAMES = tuple(migration.name for migration in read_migrations())
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped migrations that a test may change."""
    return Path(shutil.copytree(sql_folder() / "migrations", tmp_path / "migrations"))


@pytest.fixture
def no_views(tmp_path: Path) -> Path:
    """An empty folder in place of the repeatable migrations: they belong to the newest schema."""
    (tmp_path / "repeatable").mkdir()
    return tmp_path / "repeatable"


@pytest.fixture
def owner_url(database_url: str) -> Iterator[str]:
    """A plain login that owns a database of its own, in a cluster where another login has made our roles."""
    migrate(database_url)
    query(database_url, "DROP SCHEMA public CASCADE")
    query(database_url, "CREATE SCHEMA public")
    database = database_url.rpartition("/")[2]
    name = f"owner_of_{database}"
    query(database_url, f"CREATE ROLE {name} LOGIN PASSWORD 'plain-word'")
    query(database_url, f"GRANT {name} TO CURRENT_USER")
    # The embedded server gives these to no other role.
    locks = "pg_advisory_lock(bigint), pg_advisory_unlock(bigint), pg_advisory_xact_lock(bigint)"
    query(database_url, f"GRANT EXECUTE ON FUNCTION {locks} TO {name}")
    query(database_url, f"ALTER DATABASE {database} OWNER TO {name}")
    query(database_url, f"ALTER SCHEMA public OWNER TO {name}")
    parts = psycopg.conninfo.conninfo_to_dict(database_url)
    url = f"postgresql://{name}:plain-word@{parts['host']}:{parts['port']}/{database}"
    yield url
    for role in (None, WRITER_ROLE):
        open_engine(url, role=role).dispose()
    query(database_url, f"REASSIGN OWNED BY {name} TO CURRENT_USER")
    query(database_url, f"DROP OWNED BY {name}")
    query(database_url, f"DROP ROLE {name}")


def applied(database_url: str) -> list[str]:
    """The numbered migrations that are applied; the repeatable ones have a test of their own."""
    numbered = "SELECT name FROM schema_migrations WHERE version ~ '^[0-9]+$' ORDER BY version"
    return [name for (name,) in query(database_url, numbered)]


def test_everything_is_applied_to_an_empty_database_and_nothing_the_second_time(database_url: str) -> None:
    first = migrate(database_url)
    assert first.applied == NAMES
    assert first.version == NAMES[-1][:4]
    assert migrate(database_url).applied == ()
    assert applied(database_url) == list(NAMES)
    require_current_schema(database_url)


def test_two_processes_at_once_apply_everything_once(database_url: str) -> None:
    together = Barrier(2)

    def run(_: int) -> tuple[str, ...]:
        together.wait()
        return migrate(database_url).applied

    with ThreadPoolExecutor(2) as pool:
        results = sorted(pool.map(run, range(2)))
    assert results == [(), NAMES]
    assert applied(database_url) == list(NAMES)


def test_a_failing_migration_leaves_nothing_of_itself_and_is_applied_once_it_is_mended(
    database_url: str, folder: Path
) -> None:
    number = len(NAMES) + 1
    broken = folder / f"{number:04d}_broken.sql"
    broken.write_text("CREATE TABLE half_made (a int);\nINSERT INTO half_made VALUES (1);\nSELECT 1 / 0;\n")
    with pytest.raises(SchemaError, match=rf"migration {number:04d}_broken failed: division by zero"):
        migrate(database_url, folder)
    assert query(database_url, "SELECT to_regclass('half_made')") == [(None,)]
    assert applied(database_url) == list(NAMES)
    broken.write_text("CREATE TABLE whole (a int);\n")
    assert migrate(database_url, folder).applied == (broken.stem,)


def test_a_migration_that_was_edited_after_it_was_applied_is_refused_and_nothing_is_changed(
    database_url: str, folder: Path
) -> None:
    migrate(database_url)
    edited = folder / f"{NAMES[2]}.sql"
    edited.write_text(edited.read_text() + "\nDROP TABLE ohlcv_daily CASCADE;\n")
    with pytest.raises(SchemaError, match=f"migration {NAMES[2]} was edited after it was applied"):
        migrate(database_url, folder)
    assert query(database_url, "SELECT count(*) FROM ohlcv_daily") == [(0,)]


def test_a_newer_database_is_refused_by_migrate_and_before_work(database_url: str, folder: Path) -> None:
    newer = f"{len(NAMES) + 1:04d}_later"
    (folder / f"{newer}.sql").write_text("CREATE TABLE later (a int);\n")
    migrate(database_url, folder)
    with pytest.raises(SchemaError, match=rf"has migration {newer}, which this release does not know .*newer release"):
        migrate(database_url)
    with pytest.raises(SchemaError, match=rf"{newer[:4]} is newer than this release knows \({NAMES[-1][:4]}\)"):
        require_current_schema(database_url)


def test_a_database_without_a_schema_or_with_an_older_one_is_refused_before_work(
    database_url: str, folder: Path, no_views: Path
) -> None:
    with pytest.raises(SchemaError, match="no schema yet: run `tickstock migrate`"):
        require_current_schema(database_url)
    (folder / f"{NAMES[-1]}.sql").unlink()
    migrate(database_url, folder, no_views)
    with pytest.raises(SchemaError, match=rf"schema is {NAMES[-2][:4]}, this release needs {NAMES[-1][:4]}: run"):
        require_current_schema(database_url)


def test_an_owner_who_is_no_superuser_but_may_create_roles_can_migrate(database_url: str) -> None:
    rights = "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert query(database_url, rights) == [(False, True)]
    assert migrate(database_url).applied == NAMES


def test_a_plain_owner_can_migrate_once_it_is_a_member_of_both_roles(database_url: str, owner_url: str) -> None:
    with pytest.raises(SchemaError, match='migration 0001_roles failed: permission denied to grant role "tickstock_wr'):
        migrate(owner_url)
    assert applied(database_url) == []
    owner = psycopg.conninfo.conninfo_to_dict(owner_url)["user"]
    query(database_url, f"GRANT tickstock_writer, tickstock_app TO {owner}")
    assert migrate(owner_url).applied == NAMES
    with open_engine(owner_url, role=WRITER_ROLE).connect() as connection:
        assert connection.exec_driver_sql("SELECT current_user").scalar() == "tickstock_writer"
        connection.exec_driver_sql("SELECT ensure_ohlcv_1min_partition('2026-11-20')")


def test_a_database_that_is_down_is_named_without_its_password() -> None:
    with pytest.raises(ServiceUnavailableError, match=r"database 127\.0\.0\.1:1/nowhere cannot be reached") as refused:
        migrate("postgresql://someone:hidden-word@127.0.0.1:1/nowhere")
    assert "hidden-word" not in str(refused.value)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["0001_one.sql", "0003_three.sql"], r"are not numbered 0001, 0002, … without gaps"),
        (["0001_one.sql", "two.sql"], r"migration 'two\.sql' is not named NNNN_name\.sql"),
        ([], r"are not numbered"),
    ],
)
def test_a_folder_of_wrongly_numbered_migrations_is_refused(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(SchemaError, match=words):
        read_migrations(tmp_path)


def test_an_unknown_statement_is_a_missing_file() -> None:
    with pytest.raises(FileNotFoundError):
        statement("never_written")


def test_an_installation_without_its_sql_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_files, "_FOLDERS", (tmp_path / "sql",))
    sql_folder.cache_clear()
    with pytest.raises(FileNotFoundError, match=f"the sql folder is missing; looked in {tmp_path}/sql"):
        sql_folder()
    sql_folder.cache_clear()


def test_an_old_server_is_refused_by_name(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "_OLDEST_SERVER", 990000)
    with pytest.raises(SchemaError, match=r"PostgreSQL \d+\.\d+.* is too old: 99 or newer is needed"):
        migrate(database_url)
    assert query(database_url, "SELECT to_regclass('schema_migrations')") == [(None,)]


def test_what_was_tracked_without_a_first_session_gets_the_first_that_half_of_it_has(
    database_url: str, folder: Path, no_views: Path
) -> None:
    later = [path for path in folder.glob("*.sql") if path.stem >= "0018"]
    for path in later:
        path.rename(path.with_suffix(".later"))
    migrate(database_url, folder, no_views)
    ids = [add_security(database_url, ticker) for ticker in ("AAA", "BBB", "CCC")]
    for key, tickers, track in (("mine", '["AAA", "BBB", "CCC", "NOBODY"]', True), ("idle", '["AAA"]', False)):
        query(
            database_url,
            "INSERT INTO cache_entries (key, type, name, value, track, created_at, updated_at) "
            "VALUES (%s, 'list', 'x', %s::jsonb, %s, now(), now())",
            (key, tickers, track),
        )
    query(
        database_url,
        "INSERT INTO cache_entries (key, type, name, value, track, created_at, updated_at) "
        "VALUES ('new', 'list', 'x', '[\"ZZZ\"]', true, now(), now())",
    )
    for security_id, session in ((ids[0], MON), (ids[0], WED), (ids[1], WED)):
        query(
            database_url,
            "INSERT INTO ohlcv_daily (security_id, session, ticker, closes_at, open, high, low, close, volume, source, "
            "status, loaded_at) VALUES (%s, %s, 'X', now(), 1, 1, 1, 1, 1, 's', 'final', now())",
            (security_id, session),
        )
    for path in later:
        path.with_suffix(".later").rename(path)
    migrate(database_url, folder)
    begins = dict(query(database_url, "SELECT key, track_from FROM cache_entries"))
    today = query(database_url, "SELECT current_date")[0][0]
    assert begins == {"mine": WED, "idle": None, "new": today}, "one bar of Monday speaks for itself alone"


OLD_UNITS = """
INSERT INTO work_units (unit_id, kind, market, source, subject, first_session, last_session, status, attempts, cells,
    rows, run_id, error, planned_at, started_at, finished_at)
VALUES
    ('595cd9cfa830f55ea39aac8519c4b3a2', 'range', 'XNYS', 'massive', 'AAPL', '2026-01-02', '2026-01-09', 'done', 3, 5,
        5, 'r', NULL, '2026-01-10', '2026-01-11', '2026-01-12'),
    ('b', 'grouped', 'XNYS', 'massive', '*', '2026-01-02', '2026-01-02', 'failed', 2, 5, 0, 'r', 'the vendor is down',
        '2026-01-10', '2026-01-11', '2026-01-12'),
    ('c', 'range', 'XNYS', 'files:ÄÖ', 'MSFT', '2026-01-02', '2026-01-09', 'pending', 0, 5, 0, 'r', NULL, '2026-01-10',
        NULL, NULL),
    ('d', 'range', 'XNYS', 'massive', 'MSFT', '2026-01-02', '2026-01-09', 'pending', 1, 5, 0, 'r', NULL, '2026-01-10',
        '2026-01-11', '2026-01-12'),
    ('e', 'session', 'XNYS', 'massive', '*', '2026-01-02', '2026-01-02', 'done', 1, 5, 5, 'r', NULL, '2026-01-10',
        NULL, NULL)
"""
OLD_KINDS = {
    UnitKind.LISTINGS: "listings", UnitKind.DELISTED: "listings", UnitKind.DETAILS: "symbol_details",
    UnitKind.ETF_PROFILES: "etf_profiles", UnitKind.SPLITS: "corporate_actions",
    UnitKind.DIVIDENDS: "corporate_actions", UnitKind.SYNC: "memberships",
}  # fmt: skip


def test_units_of_an_older_release_are_found_under_their_new_ids(
    database_url: str, folder: Path, no_views: Path
) -> None:
    later = [path for path in folder.glob("*.sql") if path.stem >= "0025"]
    for path in later:
        path.rename(path.with_suffix(".later"))
    migrate(database_url, folder, no_views)
    query(database_url, OLD_UNITS)
    for kind in OLD_KINDS:
        query(
            database_url,
            "INSERT INTO work_units (unit_id, kind, market, source, subject, first_session, last_session, status, "
            "attempts, run_id, planned_at, started_at, finished_at) VALUES (%s, %s, 'XNYS', 'massive', '*', "
            "'2026-01-02', '2026-01-02', 'done', 1, 'r', '2026-01-10', '2026-01-11', '2026-01-12')",
            (kind.value, kind.value),
        )
    query(
        database_url,
        "INSERT INTO quarantined_bars (ticker, session, reason, row, source, unit_id, quarantined_at) "
        "VALUES ('AAPL', '2026-01-02', 'x', '{}', 'massive', '595cd9cfa830f55ea39aac8519c4b3a2', now()), "
        "('OLD', '2026-01-02', 'x', '{}', 'massive', 'gone long ago', now())",
    )
    for path in later:
        path.with_suffix(".later").rename(path)
    migrate(database_url)

    first, last = date(2026, 1, 2), date(2026, 1, 9)
    apple, market, file, tried, session = (
        WorkUnit(UnitKind.RANGE, "XNYS", "massive", "AAPL", first, last),
        WorkUnit(UnitKind.GROUPED, "XNYS", "massive", "*", first, first),
        WorkUnit(UnitKind.RANGE, "XNYS", "files:ÄÖ", "MSFT", first, last),
        WorkUnit(UnitKind.RANGE, "XNYS", "massive", "MSFT", first, last),
        WorkUnit(UnitKind.SESSION, "XNYS", "massive", "*", first, first),
    )
    text = "SELECT unit_id, dataset, status, attempts, failures, error, error_class, not_before FROM work_units"
    units = {row[0]: row[1:] for row in query(database_url, text)}
    failed_at = datetime(2026, 1, 12, tzinfo=UTC)
    assert {unit.unit_id: units.pop(unit.unit_id) for unit in (apple, market, file, tried, session)} == {
        apple.unit_id: ("ohlcv_daily", "done", 3, 0, None, None, None),
        market.unit_id: ("ohlcv_daily", "retrying", 2, 1, "the vendor is down", "transient", failed_at),
        file.unit_id: ("ohlcv_daily", "pending", 0, 0, None, None, None),
        tried.unit_id: ("ohlcv_daily", "pending", 1, 0, None, None, None),
        session.unit_id: ("ohlcv_daily", "done", 1, 0, None, None, None),
    }
    others = {kind: WorkUnit(kind, "XNYS", "massive", "*", first, first).unit_id for kind in OLD_KINDS}
    assert {kind: units.pop(unit_id)[0] for kind, unit_id in others.items()} == OLD_KINDS
    assert units == {}
    quarantined = query(database_url, "SELECT unit_id FROM quarantined_bars ORDER BY ticker")
    assert quarantined == [(apple.unit_id,), ("gone long ago",)]
    assert units_done(open_engine(database_url), [apple, session])
