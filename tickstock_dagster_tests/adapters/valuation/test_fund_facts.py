"""Net asset values and sectors of funds: asked for once, as their types want them, and none that was not stated."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from tickstock_dagster.adapters.securities.equity_type_store import update_equity_types
from tickstock_dagster.adapters.sources.protocol import TransientVendorError
from tickstock_dagster.adapters.valuation.fund_facts import FundFactsReport, load_fund_facts
from tickstock_dagster.core.valuation.fund_facts import FundFact
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import SATURDAY, World
from tickstock_dagster_tests.adapters.securities.test_listing_sync import sync_of
from tickstock_dagster_tests.adapters.store_helpers import FRI, as_role

UNITS = "SELECT subject, status, priority, rows > 0 FROM work_units WHERE subject IN ('navs', 'sectors') ORDER BY 1"
SWITCHES = ("nav_calculation", "premium_discount", "sector_allocation")
OFF: dict[str, dict[str, Any]] = {
    code: {"processing_rules": {"enrichment": dict.fromkeys(SWITCHES, False)}} for code in ("ETF", "ETN", "ETS", "ETV")
}


@pytest.fixture(scope="module")
def entitled() -> Iterator[RunningSimulator]:
    """A vendor whose key has the ETF add-on."""
    with RunningSimulator(now=SATURDAY, plan="advanced", rate=(100_000, 1), etf_facts=True) as simulator:
        yield simulator


@pytest.fixture
def rich(entitled: RunningSimulator, migrated_database_url: str) -> World:
    entitled.reset()
    world = World(entitled, migrated_database_url)
    sync_of(world).observe(FRI)
    return world


def load(world: World, on: date = FRI) -> FundFactsReport:
    return load_fund_facts(world.context(), on)


def test_facts_are_stored_for_the_funds_whose_types_want_them_and_asked_for_once(rich: World) -> None:
    rich.load("SPY", FRI, FRI)
    report = load(rich)
    assert set(report.written) == {FundFact.NAVS, FundFact.SECTORS}
    assert all(0 < report.written[fact] <= report.answered[fact] for fact in FundFact)
    assert rich.query(UNITS) == [("navs", "done", 10, True), ("sectors", "done", 10, True)]
    [(close, premium, source)] = as_role(
        rich.database_url,
        "tickstock_app",
        f"SELECT close, premium, source FROM fund_premiums WHERE symbol = 'SPY' AND session = '{FRI}'",  # noqa: S608
    )
    [(stored,)] = rich.query("SELECT close FROM ohlcv_daily WHERE ticker = 'SPY' AND session = %s", (FRI,))
    assert (close, source) == (stored, "simulator")
    assert 0 < abs(premium) < 0.004
    unpriced = "SELECT count(*) > 0, bool_and(premium IS NULL) FROM fund_premiums WHERE symbol <> 'SPY'"
    assert rich.query(unpriced) == [(True, True)], "no close is stored, and none is made up"
    late = "SELECT count(*) FROM fund_navs WHERE session < processed_on"
    assert rich.query(late)[0][0] > 0, "some funds lag, and their value is of the day of which it speaks"
    kinds = "SELECT DISTINCT equity_type FROM fund_sectors JOIN securities USING (security_id)"
    assert rich.query(kinds) == [("ETF",)], "of other types no allocation is wanted"
    again = load(rich)
    assert (again.calls, again.written) == (0, {})
    assert set(again.left.values()) == {"stored before for this session"}


def test_a_switch_is_obeyed_by_the_next_run(rich: World) -> None:
    update_equity_types(rich.engine, OFF, now=SATURDAY)
    report = load(rich)
    assert (report.calls, set(report.left.values())) == (0, {"no type wants it"})
    assert rich.query(UNITS) == []
    wanted = {"ETF": {"processing_rules": {"enrichment": {"premium_discount": True}}, "priority": "low"}}
    update_equity_types(rich.engine, wanted, now=SATURDAY)
    report = load(rich)
    assert report.left == {FundFact.SECTORS: "no type wants it"}
    assert rich.query(UNITS) == [("navs", "done", 1, True)]
    assert rich.query("SELECT DISTINCT equity_type FROM fund_navs JOIN securities USING (security_id)") == [("ETF",)]


def test_without_the_add_on_nothing_is_stored_and_the_reason_is_said(world: World) -> None:
    sync_of(world).observe(FRI)
    report = load(world)
    assert all("403" in report.left[fact] for fact in FundFact)
    assert world.query("SELECT count(*) FROM fund_navs") == [(0,)]
    assert [row[:2] for row in world.query(UNITS)] == [("navs", "cancelled"), ("sectors", "cancelled")]


def test_one_fact_that_fails_ends_itself_alone_and_is_asked_for_again(rich: World) -> None:
    rich.simulator.install("server_error", path="/etf-global/v1/fund-flows")
    with pytest.raises(TransientVendorError):
        load(rich)
    assert [row[:2] for row in rich.query(UNITS)] == [("navs", "retrying"), ("sectors", "done")]
    rich.simulator.reset()
    report = load(rich)
    assert (list(report.written), list(report.left)) == ([FundFact.NAVS], [FundFact.SECTORS])
