"""The symbol master: lists in versions, details of who is due, a killed run that goes on, past days read back."""

import signal
import time
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.securities.listing_store import lists_observed
from tickstock_dagster.adapters.securities.symbol_master import SymbolMaster, SymbolReport
from tickstock_dagster.adapters.securities.symbol_store import symbols_listed
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError, MarketSource, TickerDetails
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.core.loading.vendor_plans import vendor_plan
from tickstock_dagster_tests.adapters.load_helpers import MARKET, QUICK, World, quick_source
from tickstock_dagster_tests.adapters.securities.test_listing_sync import sync_of
from tickstock_dagster_tests.adapters.store_helpers import as_role, bar, batch
from tickstock_dagster_tests.forked import Forked

THU, FRI = date(2026, 11, 19), date(2026, 11, 20)


FEW = ("AAPL", "IPOX", "IPOY", "KO", "MSFT", "NVDA", "RUSE", "SPLT")
"""What tests of single symbols have listed: details of all 430 take a second."""


@pytest.fixture
def few(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same with a vendor that lists few symbols."""
    listings = world.source.listings

    def listed(**given: Any) -> pl.DataFrame:
        return listings(**given).filter(pl.col("ticker").is_in(FEW))

    monkeypatch.setattr(world.source, "listings", listed)
    return world


def master(world: World, source: MarketSource | None = None) -> SymbolMaster:
    return SymbolMaster(world.context(source))


def sync(world: World, on: date = FRI, limit: int | None = 0) -> SymbolReport:
    return master(world).sync(on, details_limit=limit)


def units(world: World, status: str = "done") -> list[str]:
    text = "SELECT subject FROM work_units WHERE kind = 'details' AND status = %s ORDER BY 1"
    return [subject for (subject,) in world.query(text, (status,))]


# -- lists ------------------------------------------------------------------------------------------------------------


def test_one_fetch_of_the_list_serves_histories_and_the_symbol_master(world: World) -> None:
    report = sync(world)
    assert report.fetched
    assert report.listed == len(symbols_listed(world.engine, FRI)) > 100
    assert report.changes.begun == report.listed
    assert lists_observed(world.engine, MARKET, "simulator") == [FRI]
    pages = [call for call in world.simulator.stats(calls=True)["calls"] if call["path"] == "/v3/reference/tickers"]
    assert {call["path"] for call in world.simulator.stats(calls=True)["calls"]} == {"/v3/reference/tickers"}
    assert report.calls == len(pages)

    before = world.tables()
    world.simulator.reset_stats()
    again = sync(world)
    assert not again.fetched
    assert again.by_class == report.by_class
    assert world.simulator.stats()["total"] == 0
    assert world.tables() == before


def test_a_list_that_a_load_took_in_needs_no_second_fetch(world: World) -> None:
    sync_of(world).ensure(["AAPL"], FRI, FRI, FRI)
    assert not sync(world).fetched


def test_taking_a_list_in_again_rewrites_nothing(world: World) -> None:
    sync_of(world).observe(FRI)
    versions = world.query("SELECT xmin::text, * FROM symbol_versions ORDER BY security_id")
    changes = sync_of(world).observe(FRI)
    assert (changes.written, changes.deleted) == ([], [])
    assert world.query("SELECT xmin::text, * FROM symbol_versions ORDER BY security_id") == versions


def test_days_taken_in_out_of_order_each_read_as_their_list_said(world: World) -> None:
    days = [FRI, date(2022, 5, 2), date(2026, 11, 16), date(2022, 7, 1)]
    said = {}
    for day in days:
        sync(world, day)
        rows = world.source.listings(on=day)
        said[day] = dict(rows.select("composite_figi", "ticker").drop_nulls().rows())
    for day in days:
        text = """SELECT s.composite_figi, o.ticker FROM symbols_on(%s) AS o JOIN securities AS s USING (security_id)
            WHERE s.composite_figi IS NOT NULL"""
        assert dict(world.query(text, (day,))) == said[day]
    tickers = "SELECT ticker FROM symbols_on(%s) WHERE ticker IN ('FB', 'META') ORDER BY 1"
    assert world.query(tickers, (date(2022, 6, 1),)) == world.query(tickers, (date(2022, 5, 2),))
    assert ("FB",) in world.query(tickers, (date(2022, 5, 2),))
    assert world.query(tickers, (date(2022, 7, 1),)) == [("META",)]
    assert world.query("SELECT * FROM symbols_on('2022-05-01')") == []


def test_a_day_before_all_that_the_vendor_knows_is_asked_for_once(world: World) -> None:
    sync(world)
    before_all = date(2003, 9, 2)
    assert (sync(world, before_all).listed, sync(world, before_all).fetched) == (0, False)
    assert world.query("SELECT * FROM symbols_on(%s)", (before_all,)) == []


def test_every_listed_symbol_is_counted_under_some_class(world: World) -> None:
    report = sync(world)
    assert sum(report.by_class.values()) == world.source.listings(on=FRI).height
    assert {"common", "etf"} <= set(report.by_class)
    assert report.by_class.get("test_issue", 0) + report.by_class.get("warrant", 0) > 0


def test_a_broken_list_changes_nothing(world: World) -> None:
    sync(world, THU)
    before = world.tables("work_units")
    world.simulator.install("cut_body", path="/v3/reference/tickers")
    with pytest.raises(MalformedAnswerError):
        sync(world)
    assert world.tables("work_units") == before


# -- details ----------------------------------------------------------------------------------------------------------


def test_details_fill_the_security_and_the_shares_of_the_session(few: World) -> None:
    sync(few)
    plan = master(few).details_plan(FRI)
    report = sync(few, limit=None)
    assert plan.due == plan.calls == report.details_done + report.details_unknown
    assert report.failures == ()
    assert report.details_left == 0
    [(sic, words, sector, shares)] = few.query(
        "SELECT sic_code, sic_description, sector, shares_outstanding "
        "FROM securities JOIN ticker_intervals USING (security_id) WHERE ticker = 'AAPL'"
    )
    told = few.source.ticker_details("AAPL", on=FRI)
    assert (sic, words, shares) == (told.sic_code, told.sic_description, told.shares_outstanding)
    assert sector == "Information Technology"
    assert few.query(
        "SELECT as_of, shares, source FROM security_shares "
        "JOIN ticker_intervals USING (security_id) WHERE ticker = 'AAPL'"
    ) == [(FRI, told.shares_outstanding, "simulator")]


def test_a_list_date_is_the_vendors(few: World) -> None:
    dates = (
        "SELECT list_date, list_date_source FROM symbols JOIN securities USING (security_id, list_date) "
        "WHERE symbol = 'IPOY'"
    )
    sync(few, limit=None)
    told = few.source.ticker_details("IPOY", on=FRI).list_date
    assert told is not None
    assert few.query(dates) == [(told, "vendor")]


@pytest.mark.parametrize(
    ("stored", "begins"),
    [
        (None, date(2026, 10, 15)),  # between the list of October 1st, which lacks it, and the first that has it
        (date(2026, 10, 15), date(2026, 10, 15)),
        (date(2026, 10, 14), date(2026, 10, 14)),  # the stored bar outweighs it
    ],
)
def test_a_list_date_narrows_the_bracket_of_a_listing_and_contradicts_no_bar(
    few: World, stored: date | None, begins: date
) -> None:
    listing = (
        "SELECT security_id, valid_from, expected_from, start_known FROM ticker_intervals WHERE ticker = 'IPOX' "
        "ORDER BY valid_from DESC LIMIT 1"
    )
    for on in (date(2026, 10, 1), FRI):
        sync(few, on)
    [(ipox, *before)] = few.query(listing)
    assert before == [date(2026, 10, 2), FRI, "absent_before"]
    if stored:
        store_batch(few.engine, batch(bar(ipox, stored, "IPOX")))
        few.query("UPDATE ticker_intervals SET traded_from = %s WHERE security_id = %s", (stored, ipox))
    sync(few, limit=None)
    [(_, valid_from, expected_from, known)] = few.query(listing)
    assert expected_from == begins
    narrowed = (date(2026, 10, 15), "vendor") if stored != date(2026, 10, 14) else (date(2026, 10, 2), "absent_before")
    assert (valid_from, known) == narrowed
    tables = few.tables()
    sync(few, limit=None)
    assert few.tables() == tables, "twice changes nothing"


def test_a_list_date_outside_of_the_bracket_moves_nothing(few: World) -> None:
    """IPOX is on a list of before the date that the vendor states, and RUSE's is older than a list without it."""
    for on in (date(2026, 10, 20), date(2026, 10, 26), FRI):
        sync(few, on)
    lists = (
        "SELECT valid_from, start_known FROM ticker_intervals WHERE ticker = 'IPOX' ORDER BY valid_from DESC LIMIT 1"
    )
    before = few.query(lists)
    few.query("UPDATE securities SET list_date = NULL, list_date_source = NULL")
    sync(few, limit=None)
    assert few.query(lists) == before


def test_a_limit_takes_some_and_the_next_run_goes_on(world: World) -> None:
    sync(world)
    due = master(world).details_plan(FRI).due
    first = sync(world, limit=10)
    assert (first.details_done + first.details_unknown, first.details_left) == (10, due - 10)
    asked = units(world)
    assert len(asked) == 10
    world.simulator.reset_stats()
    second = sync(world, limit=5)
    assert second.details_left == due - 15
    assert world.simulator.stats()["total"] == 5
    assert set(asked) < set(units(world))


def test_nobody_is_asked_again_within_thirty_days_and_everybody_after(world: World) -> None:
    sync(world, date(2026, 10, 1), limit=None)
    due = len(units(world))
    sync(world, date(2026, 10, 30))
    soon = master(world).details_plan(date(2026, 10, 30)).due
    assert soon < due / 10, "only who is new or changed"
    sync(world, date(2026, 11, 2))
    assert master(world).details_plan(date(2026, 11, 2)).due >= due - 5


def test_details_of_a_past_day_never_replace_newer_ones_and_are_kept_as_shares(world: World) -> None:
    sync(world, FRI, limit=30)
    before = world.query("SELECT security_id, sic_code, shares_outstanding, details_on FROM securities ORDER BY 1")
    detailed = [row for row in before if row[3] is not None]
    past = date(2026, 8, 3)
    sync(world, past, limit=None)
    after = {
        row[0]: row[1:]
        for row in world.query("SELECT security_id, sic_code, shares_outstanding, details_on FROM securities")
    }
    assert detailed
    assert all(after[row[0]] == row[1:] for row in detailed)
    days = {day for (day,) in world.query("SELECT DISTINCT as_of FROM security_shares")}
    assert days == {past, FRI}


def test_a_vendor_that_fails_leaves_what_was_stored_and_the_rest_due(world: World) -> None:
    sync(world)
    due = master(world).details_plan(FRI).due
    sync(world, limit=10)
    world.simulator.install("server_error", path="/v3/reference/tickers/*")
    failed = sync(world, limit=None)
    assert failed.details_done == 0
    assert failed.failures
    assert len(failed.failures) < due / 2, "it stopped asking"
    assert failed.details_left == due - 10
    world.simulator.clear_faults()
    assert sync(world, limit=None).details_left == 0
    assert [*units(world, "retrying"), *units(world, "dead")] == []


def test_a_plan_without_details_still_has_its_list(world: World) -> None:
    world.simulator.install("not_entitled", path="/v3/reference/tickers/*")
    report = sync(world, limit=None)
    assert report.listed > 100
    assert "403" in (report.no_details or "")
    assert report.details_done == report.details_left == 0
    assert world.query("SELECT count(*) > 0 FROM vendor_calls WHERE status = 403") == [(True,)]


def test_the_forecast_knows_the_rate(world: World) -> None:
    sync(world)
    free = vendor_plan("free")
    slow = MassiveSource(
        world.simulator.key, world.simulator.url, free, LocalRateLimiter(free), name="simulator", policy=QUICK
    )
    plan = SymbolMaster(world.context(slow)).details_plan(FRI)
    assert plan.calls == min(plan.due, 150), "half an hour at five a minute"
    assert plan.minutes == (plan.calls - 1) // 5
    some = SymbolMaster(world.context(slow)).details_plan(FRI, details_limit=12)
    assert (some.calls, some.minutes) == (12, 2)


def test_details_of_another_security_are_refused(few: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sync(few)
    ask = few.source.ticker_details

    def swapped(ticker: str, *, on: date | None = None) -> TickerDetails:
        return ask("MSFT" if ticker == "AAPL" else ticker, on=on)

    monkeypatch.setattr(type(few.source), "ticker_details", lambda _, ticker, *, on=None: swapped(ticker, on=on))
    report = sync(few, limit=None)
    assert [line for line in report.failures if line.startswith("AAPL: details of another security")]
    assert few.query("SELECT sic_code FROM symbols WHERE symbol = 'AAPL'") == [(None,)]


def test_a_stored_text_that_is_no_ticker_costs_its_own_details_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AAPL's row is of BP. from Thursday on; a former release stored it so."""
    sync(world, date(2026, 11, 18))
    rough = quick_source(world.simulator)
    ask = rough.listings

    def renamed(**given: Any) -> pl.DataFrame:
        return ask(**given).with_columns(pl.col("ticker").replace({"AAPL": "BP."}))

    monkeypatch.setattr(rough, "listings", renamed)
    report = master(world, rough).sync(THU, details_limit=None)
    assert [line.partition(" is not")[0] for line in report.failures] == ["BP.: not asked for: ticker 'BP.'"]
    assert (report.details_done > 100, report.details_left) == (True, 1)
    monkeypatch.setattr(rough, "listings", lambda **given: renamed(**given).filter(pl.col("ticker") != "BP."))
    assert master(world, rough).sync(FRI, details_limit=0).fetched, "no question whether BP. was delisted"


# -- market cap -------------------------------------------------------------------------------------------------------


def test_market_cap_is_the_raw_close_times_shares_scaled_by_splits_since(few: World) -> None:
    """SPLT splits 3 for 1 on 2026-09-14; shares known before count three times from that day on."""
    before, split_day = date(2026, 9, 11), date(2026, 9, 14)
    sync(few, before, limit=None)
    sync(few, split_day)
    few.load("SPLT", before, split_day)
    [(security_id,)] = few.query("SELECT security_id FROM ticker_intervals WHERE ticker = 'SPLT'")
    few.query("DELETE FROM security_shares WHERE security_id = %s", (security_id,))
    few.query("INSERT INTO security_shares VALUES (%s, %s, 1000, 'simulator', now())", (security_id, before))
    few.query(
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, "
        "known_from) VALUES (%s, 'SPLT', 'split', 'forward_split', %s, 1, 3, 'simulator', now())",
        (security_id, split_day),
    )
    caps = {
        day: few.query("SELECT shares, close, market_cap FROM symbols_on(%s) WHERE ticker = 'SPLT'", (day,))[0]
        for day in (before, split_day)
    }
    assert [caps[day][0] for day in (before, split_day)] == [1000, 3000]
    for shares, close, cap in caps.values():
        assert cap == shares * close > 0
    assert few.query("SELECT shares FROM symbols_on('2026-09-10') WHERE ticker = 'SPLT'") == []
    # Without a bar on the day of the split, the close before it goes with the shares before it.
    few.query("DELETE FROM ohlcv_daily WHERE security_id = %s AND session = %s", (security_id, split_day))
    text = "SELECT shares, close, market_cap FROM symbols_on(%s) WHERE ticker = 'SPLT'"
    [(shares, close, cap)] = few.query(text, (split_day,))
    assert (shares, close) == (3000, caps[before][1])
    assert cap == caps[before][2] == 1000 * close


def test_the_app_may_ask_for_a_past_day_and_the_public_may_not(world: World) -> None:
    sync(world)
    [(count,)] = as_role(world.database_url, "tickstock_app", "SELECT count(*) FROM symbols_on('2026-11-20')")
    assert count > 100
    [(allowed,)] = world.query("SELECT has_function_privilege('public', 'symbols_on(date)', 'EXECUTE')")
    assert allowed is False


def test_a_source_without_details_says_so(world: World, tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text("ticker,session,open,high,low,close,volume\nAAPL,2026-11-20,1,1,1,1,1\n", encoding="utf-8")
    report = SymbolMaster(world.context(FileSource(bars))).sync(FRI)
    assert report.no_details is not None
    assert "no details" in report.no_details


# -- a killed run -----------------------------------------------------------------------------------------------------

SYNC = """
import sys
from datetime import date
from types import SimpleNamespace

from tickstock_dagster.adapters.securities import symbol_details
from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.securities.symbol_master import SymbolMaster
from tickstock_dagster_tests.adapters.load_helpers import World

url, key, database = sys.argv[1:]
symbol_details.FLUSH_ANSWERS = 10
world = World(SimpleNamespace(url=url, key=key), database)
SymbolMaster(world.context(), workers=2).sync(date(2026, 11, 20))
"""


def test_a_killed_run_goes_on_where_it_stopped_and_ends_as_an_undisturbed_one(world: World) -> None:
    process = Forked(SYNC, world.simulator.url, world.simulator.key, world.database_url)
    deadline = time.monotonic() + 60
    while len(units(world)) < 30 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    asked = units(world)
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    assert 30 <= len(asked) < 420
    shares = "SELECT count(*) FROM security_shares"
    assert world.query(shares)[0][0] <= len(asked)

    world.simulator.reset_stats()
    report = sync(world, limit=None)
    details = [call["path"] for call in world.simulator.stats(calls=True)["calls"]]
    assert len(details) == report.details_done + report.details_unknown
    assert not set(asked) & {path.rpartition("/")[2] for path in details}, "no stored answer is asked for again"
    assert report.details_left == 0
    assert len(units(world)) == len(asked) + len(details)
    assert len(details) > 0
