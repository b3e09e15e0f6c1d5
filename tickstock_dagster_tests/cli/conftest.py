"""An office: the command line on servers and a vendor of its own, as if a person had configured them."""

import os
from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from tickstock_dagster.adapters.postgres.database import close_engines
from tickstock_dagster.adapters.services.local import ServiceAddresses
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests import dagster_instances  # noqa: F401 - its storages share their connections
from tickstock_dagster_tests.cli.office import FORGET, Office, create_database
from tickstock_dagster_tests.vendor_helpers import closed_limiters, quick_retries

_numbers = count(1)


@pytest.fixture(scope="session")
def cli_vendor() -> Iterator[RunningSimulator]:
    """One vendor for all tests of this process; each test gets it as it was at its start."""
    with RunningSimulator(plan="advanced", rate=(100_000, 1)) as simulator:
        simulator.vendor.wait_for_tape()
        yield simulator


@pytest.fixture(scope="session")
def cli_storage_url(services: ServiceAddresses) -> str:
    """A database for Dagster's own storage, one for each folder of tests that imports this fixture."""
    return create_database(services, f"dagster_of_commands_{next(_numbers)}")


@pytest.fixture(scope="session")
def cli_storage(cli_storage_url: str) -> Iterator[psycopg.Connection]:
    """A session in which that storage is emptied after each test: an instance of Dagster takes ten times as long."""
    with psycopg.connect(cli_storage_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def office(
    warehouse_url: str,
    cli_storage_url: str,
    cli_storage: psycopg.Connection,
    redis_url: str,
    cli_vendor: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Office]:
    """Everything is up; nothing was loaded and nothing is tracked yet."""
    cli_vendor.reset()
    quick_retries(monkeypatch)
    before = dict(os.environ)
    try:
        with closed_limiters(monkeypatch):
            yield Office(warehouse_url, cli_storage_url, redis_url, cli_vendor, monkeypatch, capfd)
            cli_storage.execute(FORGET)
    finally:
        close_engines()
        os.environ.clear()
        os.environ.update(before)
