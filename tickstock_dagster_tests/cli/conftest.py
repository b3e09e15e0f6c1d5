"""An office: the command line on servers and a vendor of its own, as if a person had configured them."""

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from tickstock_dagster.adapters.calendar_store import copy_calendars
from tickstock_dagster.adapters.database import close_engines, open_engine
from tickstock_dagster.adapters.local_services import ServiceAddresses
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.cli.office import Office, create_database, drop_database
from tickstock_dagster_tests.vendor_helpers import closed_limiters, quick_retries

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cli_vendor() -> Iterator[RunningSimulator]:
    """One vendor for all tests of this process; each test gets it as it was at its start."""
    with RunningSimulator(plan="advanced", rate=(100_000, 1)) as simulator:
        simulator.vendor.wait_for_tape()
        yield simulator


@pytest.fixture(scope="session")
def cli_storage_url(services: ServiceAddresses) -> str:
    """A database for Dagster's own storage."""
    return create_database(services, "dagster_of_commands")


@pytest.fixture(scope="session")
def warehouse_template(services: ServiceAddresses, migrated_template: str) -> str:
    """Name of a warehouse as any command leaves it: migrated, and with the calendars."""
    name = "warehouse_template"
    engine = open_engine(create_database(services, name, template=migrated_template))
    copy_calendars(engine, date(2000, 1, 1), date(datetime.now(UTC).year + 2, 12, 31))
    close_engines()
    return name


@pytest.fixture
def office(
    services: ServiceAddresses,
    warehouse_template: str,
    cli_storage_url: str,
    redis_url: str,
    cli_vendor: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Office]:
    """Everything is up; nothing was loaded and nothing is tracked yet."""
    cli_vendor.reset()
    quick_retries(monkeypatch)
    before = dict(os.environ)
    name = f"warehouse_{next(_numbers)}"
    database_url = create_database(services, name, template=warehouse_template)
    try:
        with closed_limiters(monkeypatch):
            office = Office(database_url, cli_storage_url, redis_url, cli_vendor, monkeypatch, capfd)
            yield office
            office.clear_storage()
    finally:
        close_engines()
        drop_database(services, name)
        os.environ.clear()
        os.environ.update(before)
