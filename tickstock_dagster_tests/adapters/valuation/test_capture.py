"""The vendor's fair values are asked for on the session's own evening, where the plan has them; else we estimate."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.valuation.capture import capture_fair_values
from tickstock_dagster.adapters.valuation.store import update_fair_values
from tickstock_dagster.simulator.faults.catalogue import ServerError
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, FRIDAY_EVENING, SATURDAY, World, quick_source
from tickstock_dagster_tests.adapters.sources.massive.test_fair_values import PATH, EntitledSource, simulator
from tickstock_dagster_tests.adapters.store_helpers import FRI

MONDAY_MORNING = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def source_with_values(running: RunningSimulator, plan: str = "business") -> EntitledSource:
    source = EntitledSource.__new__(EntitledSource)
    source.__dict__ = quick_source(running, plan).__dict__
    return source


@pytest.fixture(scope="module")
def vendor() -> Iterator[RunningSimulator]:
    with simulator("business") as running:
        yield running


@pytest.fixture
def evening(vendor: RunningSimulator, migrated_database_url: str) -> World:
    """Two weeks of three securities, one of which did not trade on Friday; the vendor has fair values."""
    vendor.reset()
    vendor.set_now(SATURDAY)
    world = World(vendor, migrated_database_url)
    world.load("SPY THIN THNR", date(2026, 11, 9), FRI)
    world.query("DELETE FROM ohlcv_daily WHERE ticker = 'THIN' AND session = %s", (FRI,))
    world.query(
        "INSERT INTO bar_gaps (security_id, session, ticker, reason, evidence, source, noticed_at) "
        "SELECT security_id, %s, ticker, 'no_trade', 'because', 'simulator', now() FROM ticker_intervals "
        "WHERE ticker = 'THIN'",
        (FRI,),
    )
    vendor.set_now(FRIDAY_EVENING)
    return world


def unprinted(world: World) -> list[str]:
    rows = world.query("SELECT ticker FROM bar_gaps WHERE session = %s AND is_final ORDER BY 1", (FRI,))
    return [ticker for (ticker,) in rows]


def capture(world: World, source: MassiveSource, now: datetime = FRIDAY_EVENING) -> Any:
    world.now = now
    return capture_fair_values(world.context(source, "run-9"), CALENDAR, FRI)


def test_on_its_own_evening_the_session_has_the_vendors_values(evening: World) -> None:
    names = unprinted(evening)
    assert "THIN" in names
    given = capture(evening, source_with_values(evening.simulator))
    assert (sorted(given.values), given.stale, given.reason, given.source) == (names, 0, "", "simulator")
    report = update_fair_values(
        evening.engine, CALENDAR, (FRI,), now=FRIDAY_EVENING, vendor=given.values, vendor_name=given.source
    )
    assert report.written == len(names)
    assert evening.query("SELECT DISTINCT source, is_fmv FROM ohlcv_daily WHERE session = %s AND is_fmv", (FRI,)) == [
        ("simulator", True)
    ]
    calls = "SELECT rows, outcome, run_id FROM vendor_calls WHERE endpoint = %s"
    assert evening.query(calls, (PATH,)) == [(len(names), "ok", "run-9")]


@pytest.mark.parametrize("now", [MONDAY_MORNING, datetime(2026, 11, 20, 20, 59, tzinfo=UTC)])
def test_at_any_other_time_nothing_is_asked(evening: World, now: datetime) -> None:
    given = capture(evening, source_with_values(evening.simulator), now)
    assert (given.values, given.reason) == (
        {},
        "the vendor has current values only, and it is no longer the evening of 2026-11-20",
    )
    assert evening.query("SELECT count(*) FROM vendor_calls WHERE endpoint = %s", (PATH,)) == [(0,)]


def test_values_of_before_the_session_are_counted_and_not_used(evening: World) -> None:
    evening.simulator.set_now(datetime(2026, 11, 20, 14, tzinfo=UTC))
    given = capture(evening, source_with_values(evening.simulator))
    assert (given.values, given.stale) == ({}, len(unprinted(evening)))


def test_other_plans_and_sources_are_not_asked(evening: World) -> None:
    words = "the plan includes no fair market values"
    assert capture(evening, source_with_values(evening.simulator, "advanced")).reason == words
    assert evening.query("SELECT count(*) FROM vendor_calls WHERE endpoint = %s", (PATH,)) == [(0,)]


def test_a_vendor_that_fails_leaves_the_estimate(evening: World) -> None:
    evening.simulator.install(ServerError(status=503, path=PATH))
    given = capture(evening, source_with_values(evening.simulator))
    assert given.values == {}
    assert "503" in given.reason
    assert {
        outcome for (outcome,) in evening.query("SELECT outcome FROM vendor_calls WHERE endpoint = %s", (PATH,))
    } == {"UpstreamError"}
