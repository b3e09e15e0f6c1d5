"""Fixtures for all tests: real servers of the session's own, fresh databases, an environment without configuration.

Each process of pytest-xdist starts its own servers, so nothing is shared between tests that run at the same time.
"""

import gc
import itertools
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tickstock_dagster.adapters.postgres.database import close_engines, open_engine
from tickstock_dagster.adapters.services.base import SERVER_ENVIRONMENT
from tickstock_dagster.adapters.services.local import LocalServices, ServiceAddresses
from tickstock_dagster.adapters.services.postgres import LOGIN, scram_verifier
from tickstock_dagster.settings import Settings, load_settings
from tickstock_dagster_tests.event_promises import look_through
from tickstock_dagster_tests.forked import stop_forking
from tickstock_dagster_tests.kept_connections import close_kept
from tickstock_dagster_tests.processor_time import ProcessorTime

# Nothing here has to survive a power cut, and databases are created and dropped all the time. Only a superuser could
# drop one in which an autovacuum worker is at work.
POSTGRES_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

# On a faked day (`make test-days`) the servers, which get nothing of our environment, have to live on it with us.
if "FAKETIME" in os.environ:
    SERVER_ENVIRONMENT.update(
        {name: value for name, value in os.environ.items() if name == "LD_PRELOAD" or name.startswith("FAKETIME")}
    )

# Bytecode is kept, whatever the caller's environment says: a hundred tests start processes, each of which would compile
# all that it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Until all tests are collected everything stays, the trees of our modules aside, into which probes are put.
gc.disable()

IN_MEMORY = Path("/dev/shm")

CALENDARS_UNTIL = date(2028, 12, 31)
"""How far a command of November 2026 copies the calendars. What day it is outside changes nothing."""

_VARIABLES = [str(field.validation_alias) for field in Settings.model_fields.values()]
_numbers = itertools.count(1)
_processor_time = ProcessorTime()


def pytest_configure(config: pytest.Config) -> None:
    """Say at the end what all of it took."""
    config.pluginmanager.register(_processor_time, "tickstock-processor-time")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no collection of garbage has to look at it again."""
    gc.enable()
    gc.set_threshold(50_000, 20, 20)
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """At the end pytest collects garbage five times, for what would complain when it is: not for what is in use."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def services_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """State folder of the session's servers; whatever was started in it is stopped at the end.

    In memory where there is room: a thousand databases are made and dropped, and a disk takes thrice as long for it.
    """
    with tempfile.TemporaryDirectory(
        dir=IN_MEMORY if _has_room(IN_MEMORY) else tmp_path_factory.getbasetemp()
    ) as folder:
        state_dir = Path(folder) / "state"
        yield state_dir
        _processor_time.note_servers(state_dir)
        stop_forking()
        LocalServices(state_dir).down()


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 4 * 2**30


@pytest.fixture(autouse=True)
def _no_configuration_from_outside(services_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reaches the servers, the vendor key or the state folder of whoever runs the tests."""
    for name in _VARIABLES:
        if name in os.environ:
            monkeypatch.delenv(name)
    monkeypatch.setenv("TICKSTOCK_STATE_DIR", str(services_dir))
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture(scope="session")
def services(services_dir: Path) -> ServiceAddresses:
    """PostgreSQL and Valkey, running, without the simulator."""
    local = LocalServices(services_dir, postgres_options=POSTGRES_OPTIONS)
    addresses = local.up(simulator=False)
    # The same password, proven in one round instead of 4,096: half of what each of 30,000 logins costs.
    verifier = scram_verifier(local.state.password(LOGIN) or "", iterations=1)
    with psycopg.connect(addresses.database_url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {LOGIN} PASSWORD '{verifier}'".encode())
    return addresses


@pytest.fixture(scope="session")
def administration(services: ServiceAddresses) -> Iterator[psycopg.Connection]:
    """A connection by which databases are made and dropped."""
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database_url(administration: psycopg.Connection, services: ServiceAddresses) -> Iterator[str]:
    """A new database without a single table."""
    with _database(administration, services, template="template1") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(administration: psycopg.Connection, services: ServiceAddresses) -> str:
    """Name of a database that was migrated once; the others are copied from it."""
    from tickstock_dagster.adapters.postgres.migrations import migrate

    name = "migrated_template"
    administration.execute(f"CREATE DATABASE {name}")
    migrate(_url(services, name))
    _without_maps(_url(services, name))
    return _left_alone(administration, name)


def _without_maps(database_url: str) -> None:
    """Write PostgreSQL's own tables without their maps of free space and of visibility, files that each copy had."""
    own = (
        "SELECT format('VACUUM FULL %s', oid::regclass) FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'pg_catalog'::regnamespace AND NOT relisshared"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        for (vacuum,) in connection.execute(own).fetchall():
            connection.execute(vacuum)
    psycopg.connect(database_url).close()  # makes what a first session would make in each copy


@pytest.fixture
def migrated_database_url(
    administration: psycopg.Connection, services: ServiceAddresses, migrated_template: str
) -> Iterator[str]:
    """A new database with the current schema and no rows but the schema's own."""
    with _database(administration, services, template=migrated_template) as url:
        yield url


@pytest.fixture
def another_migrated_url(
    administration: psycopg.Connection, services: ServiceAddresses, migrated_template: str
) -> Iterator[str]:
    """A second one, for what is compared."""
    with _database(administration, services, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def warehouse_template(administration: psycopg.Connection, services: ServiceAddresses, migrated_template: str) -> str:
    """Name of a warehouse as any command leaves it: migrated, and with the calendars."""
    from tickstock_dagster.adapters.calendars.store import copy_calendars

    name = "warehouse_template"
    administration.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    copy_calendars(open_engine(_url(services, name)), date(1962, 1, 1), CALENDARS_UNTIL)
    close_engines()
    return _left_alone(administration, name)


@pytest.fixture
def warehouse_url(
    administration: psycopg.Connection, services: ServiceAddresses, warehouse_template: str
) -> Iterator[str]:
    """A warehouse as any command leaves it, without a bar."""
    with _database(administration, services, template=warehouse_template) as url:
        yield url


@pytest.fixture(scope="session")
def valkey(services: ServiceAddresses) -> Iterator[Any]:
    """A connection by which Valkey is emptied."""
    import redis

    with redis.Redis.from_url(services.redis_url) as client:
        yield client


@pytest.fixture
def redis_url(services: ServiceAddresses, valkey: Any) -> str:
    """An empty Valkey."""
    valkey.flushall()
    return services.redis_url


@pytest.fixture
def few_listed(request: pytest.FixtureRequest) -> Iterator[None]:
    """The vendor lists what the test's module names and forty stocks, unless the test is of the whole market of 430.

    To take the whole list into an empty store is a third of what a load of three symbols takes.
    """
    if request.node.get_closest_marker("whole_market"):
        yield
        return
    import polars as pl

    from tickstock_dagster.adapters.sources.massive.source import MassiveSource
    from tickstock_dagster.core.universes.profiles import STOCKS

    named, whole = {"SPY", *STOCKS[:40], *_words(request.module.__file__)}, MassiveSource.listings

    def listings(*given: Any, **options: Any) -> pl.DataFrame:
        return whole(*given, **options).filter(pl.col("ticker").is_in(named))

    with pytest.MonkeyPatch.context() as patch:  # not the test's own, which it may undo
        patch.setattr(MassiveSource, "listings", listings)
        yield


@cache
def _words(path: str) -> list[str]:
    return re.findall(r"[A-Z][A-Z.]*", Path(path).read_text(encoding="utf-8"))


@contextmanager
def _database(administration: psycopg.Connection, services: ServiceAddresses, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    administration.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")  # a third less time here
    yield _url(services, name)
    close_engines()
    broken = look_through(_url(services, name))
    close_kept()
    _drop(administration, name)
    assert not broken, "events that break what docs/events.md says:\n" + "\n".join(broken[:10])


def _drop(administration: psycopg.Connection, name: str) -> None:
    for _ in range(20):
        try:
            administration.execute(f"DROP DATABASE {name} WITH (FORCE)")
        except psycopg.errors.InsufficientPrivilege:  # a worker of autovacuum is in it, which only a superuser may end
            time.sleep(0.25)
        else:
            return
    raise AssertionError(f"{name} cannot be dropped")


def _left_alone(administration: psycopg.Connection, template: str) -> str:
    # A template may have no session; a connection that was just closed can still be ending.
    ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
    administration.execute(ended, (template,))
    return template


def _url(services: ServiceAddresses, database: str) -> str:
    return f"{services.database_url.rpartition('/')[0]}/{database}"
