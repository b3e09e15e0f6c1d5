"""A factory to run assets in: a fresh store, Valkey, and a vendor that can be broken.

The vendor's clock and the runs' clock stand still; sessions are those of the week of 2026-11-16.
"""

import gc
from collections.abc import Iterator

import dagster as dg
import psycopg
import pytest

from tickstock_dagster.adapters.services.local import ServiceAddresses
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.dagster_instances import dagster_storage, ephemeral_instance
from tickstock_dagster_tests.defs.factory import SUNDAY, Factory, all_definitions
from tickstock_dagster_tests.vendor_helpers import closed_limiters, quick_retries


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[RunningSimulator]:
    """One vendor for all tests of this process; each test gets it as it was at its start."""
    with RunningSimulator(plan="advanced", now=SUNDAY, rate=(100_000, 1)) as simulator:
        simulator.vendor.wait_for_tape()
        yield simulator


@pytest.fixture(scope="session")
def storage_url(services: ServiceAddresses) -> str:
    """A database for Dagster's own storage."""
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE dagster_of_tests")
    return f"{services.database_url.rpartition('/')[0]}/dagster_of_tests"


@pytest.fixture
def vendor(simulator_process: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> RunningSimulator:
    """The vendor without a fault, asked without waits between retries."""
    simulator_process.reset()
    quick_retries(monkeypatch)
    return simulator_process


@pytest.fixture(scope="session")
def code_location() -> dg.Definitions:
    """The code location, loaded before any test of the shell: no collection of garbage has to look at it."""
    loaded = all_definitions()
    gc.collect()
    gc.freeze()
    return loaded


@pytest.fixture
def factory(
    migrated_database_url: str,
    redis_url: str,
    vendor: RunningSimulator,
    code_location: dg.Definitions,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Factory]:
    """A factory in which nothing was loaded and nothing is tracked yet. Dagster keeps its own books in memory."""
    with closed_limiters(monkeypatch), ephemeral_instance() as instance:
        yield Factory(migrated_database_url, redis_url, vendor, instance, monkeypatch)
        # Contexts of ticks enter instances of their own and leave them when they are collected: after this one has been
        # left, that would make Dagster's instance at work one that is gone. What is left then stays: see above.
        gc.collect()
        gc.freeze()


@pytest.fixture
def factory_on_postgres(factory: Factory, storage_url: str) -> Iterator[Factory]:
    """The same with Dagster's storage on PostgreSQL, where schedules and sensors find it, too."""
    overrides = {**dagster_storage(storage_url), "telemetry": {"enabled": False}}
    with dg.instance_for_test(overrides=overrides) as instance:
        yield Factory(factory.database_url, factory.redis_url, factory.vendor, instance, factory.monkeypatch)
        instance.wipe()
