"""The source over the real client and real HTTP, against the simulator without faults."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tickstock_dagster.adapters.sources.massive import source as massive
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import (
    DIVIDEND_SCHEMA,
    LISTING_SCHEMA,
    NEWS_SCHEMA,
    SPLIT_SCHEMA,
    AuthFailedError,
    MarketSource,
    NotFoundError,
    NotPublishedYetError,
    OutOfHistoryError,
    RateLimitedError,
    TickerChange,
)
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA, validate_bars
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import VendorPlan, vendor_plan
from tickstock_dagster.simulator.testing import RunningSimulator

FRIDAY_EVENING = datetime(2026, 11, 20, 22, tzinfo=UTC)
FRIDAY_NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
MON, THU, FRI, SAT = (date(2026, 11, day) for day in (16, 19, 20, 21))
FREE, STARTER = vendor_plan("free"), vendor_plan("starter")
QUICK = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)
FREE_KEY, PAID_KEY = "key-of-the-free-plan", "key-of-a-paid-plan"


def wide(plan: VendorPlan) -> VendorPlan:
    """The plan with a rate that never waits."""
    return replace(plan, calls=10_000, per_seconds=1)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    keys = (f"{FREE_KEY}=free", f"{PAID_KEY}=starter")
    with RunningSimulator(now=FRIDAY_EVENING, api_keys=keys, rate=(100_000, 1)) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> Iterator[RunningSimulator]:
    running.set_now(FRIDAY_EVENING)
    running.reset_stats()
    yield running
    running.reset_rates(100_000, 1)


def open_with(simulator: RunningSimulator, key: str, plan: VendorPlan) -> MassiveSource:
    return MassiveSource(key, simulator.url, plan, LocalRateLimiter(wide(plan)), policy=QUICK)


@pytest.fixture
def source(simulator: RunningSimulator) -> Iterator[MassiveSource]:
    opened = open_with(simulator, PAID_KEY, STARTER)
    yield opened
    opened.close()


@pytest.fixture
def free(simulator: RunningSimulator) -> Iterator[MassiveSource]:
    opened = open_with(simulator, FREE_KEY, FREE)
    yield opened
    opened.close()


def test_it_keeps_the_protocol(source):
    market_source: MarketSource = source
    assert market_source.name == "massive"
    assert market_source.plan == STARTER
    assert market_source.capabilities.max_range_rows == 50_000
    assert market_source.capabilities.details
    assert market_source.capabilities.etf_profiles


def test_five_years_of_a_ticker_are_one_call_of_good_bars(simulator, source):
    bars = source.range_bars("AAPL", date(2021, 11, 22), FRI)
    assert bars.schema == pl.Schema(BAR_SCHEMA)
    assert (bars["session"].min(), bars["session"].max()) == (date(2021, 11, 22), FRI)
    assert bars["session"].is_sorted()
    assert validate_bars(bars).rejected.is_empty()
    assert simulator.stats()["total"] == 1


def test_the_market_of_a_day_holds_the_same_bars_as_the_ranges(source):
    market = source.grouped_bars(FRI)
    for ticker in ("AAPL", "BRK.B", "ABCpA", "ABC.U", "NA", "TRUE"):
        assert_frame_equal(market.filter(pl.col("ticker") == ticker), source.range_bars(ticker, FRI, FRI))


def test_prices_are_raw_on_both_sides_of_a_split(source):
    closes = source.range_bars("SPLT", date(2026, 9, 11), date(2026, 9, 14))["close"].to_list()
    assert closes[0] / closes[1] == pytest.approx(3, rel=0.15)


def test_pages_add_up_to_the_whole(source, monkeypatch):
    asks = (
        lambda: source.range_bars("AAPL", date(2026, 1, 2), FRI),
        source.listings,
        lambda: source.splits(date(2022, 1, 1), FRI),
        lambda: source.dividends(date(2026, 11, 16), FRI),
    )
    whole = [ask() for ask in asks]
    source.drain_calls()
    for name, size in (("MAX_BARS", 50), ("MAX_LISTINGS", 50), ("MAX_ACTIONS", 3)):
        monkeypatch.setattr(massive, name, size)
    for ask, expected in zip(asks, whole, strict=True):
        assert_frame_equal(ask(), expected)
        pages = source.drain_calls()
        assert len(pages) > 3
        assert sum(page.rows for page in pages) == expected.height


def test_a_closed_day_and_an_unknown_ticker_have_no_rows(source):
    assert source.grouped_bars(SAT).is_empty()
    assert source.range_bars("AAPL", SAT, SAT).is_empty()
    assert source.range_bars("ZZZZZ", MON, FRI).is_empty()


def test_listings_are_as_of_a_day_active_or_delisted(source):
    now = source.listings()
    assert now.schema == pl.Schema(LISTING_SCHEMA)
    assert {"NEWC", "BRK.B", "ABCpA", "NA", "TRUE", "META"} <= set(now["ticker"])
    assert not {"OLDC", "GONE"} & set(now["ticker"])
    assert {"OLDC", "GONE"} <= set(source.listings(on=date(2026, 8, 14))["ticker"])
    blank = now.filter(pl.col("ticker") == "BLNK")
    assert blank.select("equity_type", "primary_exchange", "cik").row(0) == (None, None, None)
    delisted = source.listings(active=False)
    assert delisted.filter(pl.col("ticker") == "GONE")["delisted_on"].to_list() == [date(2026, 9, 30)]
    assert not delisted["active"].any()


def test_listings_of_chosen_tickers_are_one_call_each_and_unknown_ones_are_absent(simulator, source):
    assert source.listings(tickers=["brk-b", "AAPL", "ZZZZZ"])["ticker"].to_list() == ["BRK.B", "AAPL"]
    assert simulator.stats()["total"] == 3
    assert source.listings(tickers=[]).schema == pl.Schema(LISTING_SCHEMA)


def test_a_ticker_of_the_past_belongs_to_its_holder_of_that_day(source):
    [then, now] = [source.listings(on=day, tickers=["META"])["name"][0] for day in (date(2022, 1, 3), FRI)]
    assert then != now


def test_ticker_changes_come_oldest_first(source):
    assert source.ticker_changes("META")[-1] == TickerChange("META", date(2022, 6, 9))
    with pytest.raises(NotFoundError, match="ticker changes of OLDC: the vendor answered 404: Ticker not found"):
        source.ticker_changes("OLDC")


def test_splits_and_dividends_are_those_of_the_range(source):
    splits = source.splits(date(2026, 9, 14), date(2026, 9, 14))
    assert splits.schema == pl.Schema(SPLIT_SCHEMA)
    assert splits.select("ticker", "split_from", "split_to", "kind").rows() == [("SPLT", 1.0, 3.0, "forward_split")]
    dividends = source.dividends(MON, FRI)
    assert dividends.schema == pl.Schema(DIVIDEND_SCHEMA)
    assert dividends["ex_date"].is_between(MON, FRI).all()
    assert dividends.height > 0


def test_publication_says_yes_or_why_not(simulator, source, free):
    assert source.publication(FRI).published
    simulator.set_now(FRIDAY_NOON)
    assert source.publication(FRI).reason == "massive: no bar of SPY on 2026-11-20 yet"
    assert source.publication(THU).published
    early = free.publication(FRI)
    assert not early.published
    assert "before end of day" in early.reason


def test_a_plan_of_end_of_day_data_gets_a_session_on_the_day_after(simulator, free):
    with pytest.raises(NotPublishedYetError):
        free.grouped_bars(FRI)
    assert free.grouped_bars(THU).height > 100
    simulator.set_now(datetime(2026, 11, 21, 15, tzinfo=UTC))
    assert free.publication(FRI).published


def test_a_day_before_the_plans_history_is_named_with_the_vendors_words(free):
    with pytest.raises(OutOfHistoryError, match=r"bars of AAPL 2020-01-02\.\.2020-01-31: .*data timeframe"):
        free.range_bars("AAPL", date(2020, 1, 2), date(2020, 1, 31))


def test_an_unknown_key_says_where_to_look_and_is_not_repeated(simulator, caplog):
    stranger = open_with(simulator, "nobodys-key", STARTER)
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthFailedError, match="check MASSIVE_API_KEY") as caught:
        stranger.publication(FRI)
    stranger.close()
    assert simulator.stats()["total"] == 1
    assert "nobodys-key" not in str(caught.value) + caplog.text


def test_no_log_no_url_and_no_record_holds_the_key(simulator, source, caplog, capsys):
    with caplog.at_level(logging.DEBUG):
        source.range_bars("AAPL", MON, FRI)
        source.listings()
        source.publication(FRI)
    assert "/v2/aggs/ticker/AAPL/range" in caplog.text
    said = caplog.text + repr(source.drain_calls()) + repr(simulator.stats(calls=True)) + repr(source)
    assert PAID_KEY not in said
    assert capsys.readouterr() == ("", "")


def test_beyond_the_plans_rate_the_vendor_refuses_and_within_it_never_does(simulator, free):
    simulator.reset_rates(5, 60)
    for _ in range(5):
        free.publication(THU)
    with pytest.raises(RateLimitedError):
        free.publication(THU)
    simulator.reset_rates(20, 1)
    simulator.reset_stats()
    kept = replace(STARTER, calls=20, tolerated=20)
    source = MassiveSource(PAID_KEY, simulator.url, kept, LocalRateLimiter(kept), policy=QUICK)
    for _ in range(45):
        source.publication(THU)
    source.close()
    assert simulator.stats()["by_status"] == {"200": 45}


def test_the_whole_list_of_the_delisted_is_read_over_many_pages(tmp_path):
    master = tmp_path / "master.csv"
    tens = "ABCDEFGHIJ"
    names = [f"{a}{b}{c}" for a in tens + "KLMNOPQRSTUVWXYZ" for b in tens for c in tens]
    rows = [f"{name},2001-05-04,{2004 + index % 20}-06-01" for index, name in enumerate(names)]
    master.write_text("\n".join(["ticker,list_date,delisted_on", *rows, "LIVE,,"]))
    with RunningSimulator(symbol_file=master, now=FRIDAY_EVENING, rate=(100_000, 1)) as simulator:
        source = open_with(simulator, simulator.key, STARTER)
        gone, early = source.listings(active=False), source.listings(active=False, on=date(2004, 6, 1))
        active = source.listings()
        source.close()
    assert gone["ticker"].to_list() == sorted(names)
    assert gone["delisted_on"].null_count() == 0
    assert early["ticker"].to_list() == sorted(names[::20])
    assert active["ticker"].to_list() == ["LIVE"]


def test_news_of_a_ticker_come_within_their_span_only(source, simulator):
    after, until = FRIDAY_EVENING - timedelta(days=30), FRIDAY_EVENING
    listed = source.listings()["ticker"].to_list()
    found = {ticker: source.news(ticker, after, until) for ticker in listed[:40]}
    ticker, news = next((ticker, news) for ticker, news in found.items() if news.height)
    assert news.schema == pl.Schema(NEWS_SCHEMA)
    assert news["published_at"].is_sorted()
    assert news["published_at"].is_between(after, until).all()
    assert all(ticker in named for named in news["tickers"])
    middle = news["published_at"][0]
    assert source.news(ticker, middle + timedelta(seconds=1), until).height < news.height
    with pytest.raises(BadInputError, match="a first instant that is not after the last"):
        source.news(ticker, until, after)
    assert simulator.stats()["by_status"] == {"200": 42}
