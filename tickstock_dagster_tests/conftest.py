"""Fixtures for all tests: real servers of the session's own, fresh databases, an environment without configuration.

Each process of pytest-xdist starts its own servers, so nothing is shared between tests that run at the same time.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tickstock_dagster.adapters.database import close_engines
from tickstock_dagster.adapters.local_services import LocalServices, ServiceAddresses
from tickstock_dagster.settings import Settings, load_settings

# Nothing here has to survive a power cut, and databases are created and dropped all the time. Only a superuser could
# drop one in which an autovacuum worker is at work.
POSTGRES_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def services_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """State folder of the session's servers; whatever was started in it is stopped at the end."""
    state_dir = tmp_path_factory.mktemp("services") / "state"
    yield state_dir
    LocalServices(state_dir).down()


@pytest.fixture(autouse=True)
def _no_configuration_from_outside(services_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reaches the servers, the vendor key or the state folder of whoever runs the tests."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.setenv("TICKSTOCK_STATE_DIR", str(services_dir))
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture(scope="session")
def services(services_dir: Path) -> ServiceAddresses:
    """PostgreSQL and Valkey, running, without the simulator."""
    return LocalServices(services_dir, postgres_options=POSTGRES_OPTIONS).up(simulator=False)


@pytest.fixture
def database_url(services: ServiceAddresses) -> Iterator[str]:
    """A new database without a single table."""
    with _database(services, template="template1") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(services: ServiceAddresses) -> str:
    """Name of a database that was migrated once; the others are copied from it."""
    from tickstock_dagster.adapters.migrations import migrate

    name = "migrated_template"
    _execute(services, f"CREATE DATABASE {name}")
    migrate(_url(services, name))
    # A template may have no session; a connection that was just closed can still be ending.
    _execute(services, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", name)
    return name


@pytest.fixture
def migrated_database_url(services: ServiceAddresses, migrated_template: str) -> Iterator[str]:
    """A new database with the current schema and no rows but the schema's own."""
    with _database(services, template=migrated_template) as url:
        yield url


@pytest.fixture
def redis_url(services: ServiceAddresses) -> str:
    """An empty Valkey."""
    import redis

    with redis.Redis.from_url(services.redis_url) as client:
        client.flushall()
    return services.redis_url


@contextmanager
def _database(services: ServiceAddresses, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _execute(services, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _url(services, name)
    close_engines()
    _execute(services, f"DROP DATABASE {name} WITH (FORCE)")


def _url(services: ServiceAddresses, database: str) -> str:
    return f"{services.database_url.rpartition('/')[0]}/{database}"


def _execute(services: ServiceAddresses, statement: str, *values: str) -> None:
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute(statement, values)
