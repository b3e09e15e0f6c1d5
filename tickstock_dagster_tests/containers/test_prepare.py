"""The preparation of databases and logins, on a real PostgreSQL without TimescaleDB."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import psycopg
import pytest

from tickstock_dagster.adapters.postgres.migration_files import SchemaError
from tickstock_dagster.adapters.postgres.migrations import migrate, require_current_schema
from tickstock_dagster.adapters.postgres.sql_files import sql_folder
from tickstock_dagster.adapters.services.local import ServiceAddresses
from tickstock_dagster.core.errors import ConfigurationError
from tickstock_dagster.settings import PROJECT_ROOT

WAREHOUSE, STORAGE = ("prepared_work", "first-word", "prepared_warehouse"), ("prepared_ui", "word", "prepared_storage")


@pytest.fixture(scope="module")
def prepare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare", PROJECT_ROOT / "deploy" / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["prepare"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def server(services: ServiceAddresses, prepare: ModuleType) -> Iterator[str]:
    """The administrator's URL; what the preparation made is gone afterwards."""
    yield services.database_url
    for database in (WAREHOUSE[2], STORAGE[2]):
        execute(services.database_url, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    for role in (WAREHOUSE[0], STORAGE[0], prepare.OWNER):
        execute(services.database_url, f"DROP ROLE IF EXISTS {role}")


def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def url_of(server: str, login: tuple[str, str, str]) -> str:
    host = server.rpartition("@")[2].partition("/")[0]
    return f"postgresql://{login[0]}:{login[1]}@{host}/{login[2]}"


def run(prepare: ModuleType, server: str, *, password: str = WAREHOUSE[1]) -> None:
    warehouse = prepare.Login(WAREHOUSE[0], password, WAREHOUSE[2])
    prepare.prepare(server, warehouse, prepare.Login(*STORAGE))


def test_twice_equals_once_and_keeps_what_was_stored(
    prepare: ModuleType, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(prepare, server)
    said = capsys.readouterr().out
    assert re.search(r"tracking the profile dev from [\d-]+ on: 15 symbols", said)
    assert "universes of the release" in said
    work = url_of(server, WAREHOUSE)
    require_current_schema(work)
    themes = "SELECT count(*), sum(jsonb_array_length(value)) FROM cache_entries WHERE type = 'theme'"
    assert execute(work, themes) == [(7, 58)]
    calendar = execute(work, "SELECT calendar, count(*) FROM market_calendar GROUP BY 1 ORDER BY 1")
    assert [name for name, _ in calendar] == ["XETR", "XLON", "XNYS", "XTKS"]
    execute(work, "SET ROLE tickstock_writer; UPDATE cache_entries SET name = 'ours'")
    run(prepare, server)
    newest = max(path.name for path in (sql_folder() / "migrations").glob("*.sql"))[:4]
    assert capsys.readouterr().out.splitlines() == [f"schema {newest}: applied nothing"]
    assert execute(work, "SELECT DISTINCT name FROM cache_entries") == [("ours",)]


def test_a_changed_password_is_changed_in_the_database(prepare: ModuleType, server: str) -> None:
    run(prepare, server)
    run(prepare, server, password="second-word")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        execute(url_of(server, WAREHOUSE), "SELECT 1")
    assert execute(url_of(server, (WAREHOUSE[0], "second-word", WAREHOUSE[2])), "SELECT 1") == [(1,)]


def test_the_login_at_work_cannot_change_the_schema_and_says_so(prepare: ModuleType, server: str) -> None:
    run(prepare, server)
    work = url_of(server, WAREHOUSE)
    assert migrate(work).applied == ()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(work, "CREATE TABLE mine (a int)")
    execute(server.rpartition("/")[0] + f"/{WAREHOUSE[2]}", "DELETE FROM schema_migrations WHERE version = '0009'")
    with pytest.raises(SchemaError, match=r"login prepared_work may not change it: run `tickstock migrate` as the"):
        migrate(work)


def test_nobody_can_log_in_as_the_owner_afterwards_even_if_it_failed(
    prepare: ModuleType, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise SchemaError("no")

    monkeypatch.setattr(prepare, "migrate", fail)
    with pytest.raises(SchemaError):
        run(prepare, server)
    roles = "SELECT rolname FROM pg_roles WHERE rolcanlogin"
    assert (prepare.OWNER,) not in execute(server, roles)
    assert (WAREHOUSE[0],) in execute(server, roles)


def test_each_login_has_its_own_database_alone(prepare: ModuleType, server: str) -> None:
    run(prepare, server)
    for login, database in ((WAREHOUSE, STORAGE[2]), (STORAGE, WAREHOUSE[2])):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            execute(url_of(server, (login[0], login[1], database)), "SELECT 1")


def test_a_password_that_cannot_stand_in_a_url_is_refused_without_showing_it(
    prepare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKSTOCK_DATABASE_URL", "postgresql://tickstock:se/cr@et@timescaledb:5432/tickstock")
    with pytest.raises(
        ConfigurationError, match="password in TICKSTOCK_DATABASE_URL is not accepted: letters"
    ) as caught:
        prepare.Login.of("TICKSTOCK_DATABASE_URL")
    assert "cr" not in str(caught.value).replace("accepted", "")


def test_a_server_that_is_away_is_one_line_and_exit_code_1(
    prepare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKSTOCK_ADMIN_URL", "postgresql://nobody:x@127.0.0.1:1/postgres")
    for variable in ("TICKSTOCK_DATABASE_URL", "TICKSTOCK_DAGSTER_STORAGE_URL"):
        monkeypatch.setenv(variable, "postgresql://a:b@c:5432/d")
    with pytest.raises(SystemExit, match=r"prepare: .*connection failed"):
        prepare.main()
