"""A simulator for all tests of a module: drawing its market takes a second."""

from collections.abc import Iterator

import pytest

from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import SATURDAY, World


@pytest.fixture(scope="session")
def market() -> Iterator[RunningSimulator]:
    """The synthetic market with a history of 25 years, on the Saturday after the last session."""
    with RunningSimulator(now=SATURDAY, plan="advanced", rate=(100_000, 1)) as simulator:
        yield simulator


@pytest.fixture
def world(market: RunningSimulator, migrated_database_url: str) -> Iterator[World]:
    """The market as it was at its start, and an empty store."""
    market.reset()
    yield World(market, migrated_database_url)
    market.reset()
