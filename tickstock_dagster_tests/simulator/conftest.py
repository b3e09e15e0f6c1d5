"""One simulator for the tests that only read; those that change it start their own."""

from collections.abc import Iterator

import pytest

from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import SUNDAY

PLENTY = (100_000, 1.0)


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    """The synthetic market seen on Sunday 2026-11-22; never changed."""
    with RunningSimulator(now=SUNDAY, rate=PLENTY, plan="advanced") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def changeable() -> Iterator[RunningSimulator]:
    """The same, to be changed through `own`."""
    with RunningSimulator(now=SUNDAY, rate=PLENTY, plan="advanced") as simulator:
        yield simulator


@pytest.fixture
def own(changeable: RunningSimulator) -> RunningSimulator:
    """The same, as it was at its start, for one test that changes it."""
    changeable.reset()
    return changeable
