"""ETF facts: the seed for everybody, the vendor's where the plan includes them, and never a wrong unit."""

from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest

from tickstock_dagster.adapters.securities.etf_profile_loader import EtfReport, load_etf_profiles
from tickstock_dagster.adapters.securities.etf_profile_store import seed_funds
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import ETF_PROFILE_SCHEMA, TransientVendorError
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import SATURDAY, World, quick_source
from tickstock_dagster_tests.adapters.securities.test_listing_sync import sync_of

FRI = date(2026, 11, 20)
FACTS = """SELECT s.etf_type, s.themes, s.aum_usd::float8, s.expense_ratio::float8, s.underlying_index,
    s.correlation_reference, s.issuer
FROM securities AS s JOIN ticker_intervals AS i USING (security_id) WHERE i.ticker = %s"""
NOTHING = (None,) * 7


def load(world: World, source: MassiveSource | None = None, on: date = FRI, *, again: bool = False) -> EtfReport:
    return load_etf_profiles(world.context(source or quick_source(world.simulator)), on, ask_again=again)


@pytest.fixture(scope="module")
def entitled() -> Iterator[RunningSimulator]:
    """A vendor whose key has the ETF add-on."""
    with RunningSimulator(now=SATURDAY, plan="advanced", rate=(100_000, 1), etf_facts=True) as simulator:
        yield simulator


@pytest.fixture
def rich(entitled: RunningSimulator, migrated_database_url: str) -> World:
    entitled.reset()
    return World(entitled, migrated_database_url)


def test_without_the_add_on_the_seed_fills_the_listed_etfs_and_the_reason_is_told(world: World) -> None:
    sync_of(world).observe(FRI)
    report = load(world)
    assert (report.seed, report.vendor) == (len(seed_funds()), 0)
    assert "403" in (report.no_vendor or "")
    spy, gold = (next(fund for fund in seed_funds() if fund.ticker == ticker) for ticker in ("SPY", "GLD"))
    assert world.query(FACTS, ("SPY",)) == [
        ("broad_market", None, spy.aum_usd, spy.expense_ratio, "S&P 500 Index", "IWM", "State Street")
    ]
    assert world.query(FACTS, ("GLD",))[0][:3] == ("commodities", ["commodities"], gold.aum_usd)
    assert world.query(FACTS, ("AAPL",)) == [NOTHING]
    assert world.query("SELECT count(*) FROM etf_profiles") == [(len(seed_funds()),)]


def test_every_listed_etf_is_classed_one_way_or_another(world: World) -> None:
    sync_of(world).observe(FRI)
    report = load(world)
    assert world.query(
        "SELECT count(*) FROM securities WHERE equity_type IN ('ETF', 'ETN', 'ETS', 'ETV') AND etf_type IS NULL "
        "AND delisted_on IS NULL"
    ) == [(0,)]
    assert sum(count.etfs for count in report.counts) > 30
    assert "not classified" not in {count.etf_type for count in report.counts}


def test_a_second_time_no_row_is_rewritten(world: World) -> None:
    sync_of(world).observe(FRI)
    load(world)
    rows = "SELECT xmin::text, ticker FROM etf_profiles UNION ALL SELECT xmin::text, security_id::text FROM securities"
    before = sorted(world.query(rows))
    report = load(world)
    assert (report.written, report.changed) == (0, 0)
    assert sorted(world.query(rows)) == before
    assert load(world, on=date(2026, 11, 19)).written == 0


def test_a_company_that_took_over_an_etfs_ticker_gets_none_of_its_facts(world: World) -> None:
    sync_of(world).observe(FRI)
    world.query(
        "UPDATE securities SET equity_type = 'CS' "
        "WHERE security_id = (SELECT security_id FROM ticker_intervals WHERE ticker = 'GLD')"
    )
    load(world)
    assert world.query(FACTS, ("GLD",)) == [NOTHING]


def test_the_vendors_facts_come_before_the_seeds_and_name_their_source(rich: World) -> None:
    sync_of(rich).observe(FRI)
    report = load(rich)
    assert report.vendor > 30
    assert report.no_vendor is None
    told = quick_source(rich.simulator).etf_profiles(FRI).filter(pl.col("ticker") == "SPY").row(0, named=True)
    [facts] = rich.query(FACTS, ("SPY",))
    assert facts[:4] == ("broad_market", None, round(told["aum_usd"], 2), pytest.approx(told["net_expenses"], abs=1e-6))
    [(aum_source, ratio_source)] = rich.query(
        "SELECT aum_source, expense_ratio_source FROM etf_profiles WHERE ticker = 'SPY' AND source = 'simulator'"
    )
    assert aum_source == ratio_source == f"simulator, ETF profile of {told['processed_date']}"


def test_the_vendor_is_asked_once_a_session(rich: World) -> None:
    sync_of(rich).observe(FRI)
    assert load(rich).calls > 0
    again = load(rich)
    assert (again.calls, again.no_vendor, again.written, again.changed) == (0, "asked before for this session", 0, 0)
    assert load(rich, again=True).calls > 0


def test_an_earlier_sessions_profiles_do_not_replace_newer_ones(rich: World) -> None:
    sync_of(rich).observe(FRI)
    load(rich)
    newest = rich.query(FACTS, ("SPY",))
    load(rich, on=date(2026, 8, 3))
    assert rich.query("SELECT count(DISTINCT as_of) > 1 FROM etf_profiles WHERE source <> 'seed'") == [(True,)]
    assert rich.query(FACTS, ("SPY",)) == newest


def test_a_wrong_unit_is_refused_with_its_ticker_and_the_seed_stands(
    rich: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = {"processed_date": FRI, "effective_date": FRI, "issuer": "Somebody", "refused": None}
    rows = [
        {"ticker": "SPY", "name": "SPDR S&P 500", "aum_usd": 620.0, "net_expenses": 0.0009, **day},
        {"ticker": "GLD", "name": "SPDR Gold Shares", "aum_usd": 7e10, "net_expenses": 0.4, **day},
        {"ticker": "QQQ", "name": "QQQ", "aum_usd": None, "net_expenses": None, **day} | {"refused": "aum 'much'"},
        {"ticker": "IWM", "name": "iShares Russell 2000", "aum_usd": 6.5e10, "net_expenses": None, **day},
    ]
    monkeypatch.setattr(MassiveSource, "etf_profiles", lambda _, __: pl.DataFrame(rows, schema=ETF_PROFILE_SCHEMA))
    sync_of(rich).observe(FRI)
    report = load(rich)
    assert report.vendor == 1
    refused = sorted(report.refused)
    assert "GLD expense_ratio '0.4'" in refused[0]
    assert refused[1] == "QQQ: aum 'much'"
    assert "SPY aum_usd '620'" in refused[2]
    seed = {fund.ticker: fund for fund in seed_funds()}
    assert rich.query(FACTS, ("SPY",))[0][2] == seed["SPY"].aum_usd
    iwm = rich.query(FACTS, ("IWM",))[0]
    assert iwm[2:4] == (6.5e10, seed["IWM"].expense_ratio), "fact by fact: the seed's where the vendor is silent"
    assert (iwm[0], iwm[5]) == ("size", "SPY")


def test_a_vendor_that_fails_still_leaves_the_seed(rich: World) -> None:
    sync_of(rich).observe(FRI)
    rich.simulator.install("server_error", path="*/etf-global/*")
    with pytest.raises(TransientVendorError):
        load(rich)
    assert rich.query(FACTS, ("SPY",))[0][0] == "broad_market"
    assert rich.query("SELECT count(*) FROM work_units WHERE kind = 'etf_profiles'") == [(0,)]
    rich.simulator.clear_faults()
    assert load(rich).vendor > 30
