"""The synthetic market: determinism, invariants, realism."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.universes.profiles import ETFS, STOCKS
from tickstock_dagster.simulator.market.securities import DaySeries, Security, SplitEvent, TickerSpan
from tickstock_dagster.simulator.market.sessions import sessions
from tickstock_dagster.simulator.synthetic.funds import shipped_funds
from tickstock_dagster.simulator.synthetic.market import SyntheticMarket, synthetic_market
from tickstock_dagster.simulator.synthetic.prices import ANCHOR, PARTS_OF_SHARES_FROM

DIGEST = """
import hashlib
from tickstock_dagster.simulator.synthetic.market import SyntheticMarket
market = SyntheticMarket({seed}, 170)
digest = hashlib.sha256()
for security in market.securities:
    series = market.series(security)
    for column in (series.ordinals, series.open, series.high, series.low, series.close, series.volume):
        digest.update(column.tobytes())
    digest.update(repr((security, market.splits(security), market.dividends(security))).encode())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return synthetic_market(7, 240)


def named(market: SyntheticMarket, key: str) -> Security:
    return next(security for security in market.securities if security.key == key)


def on(series: DaySeries, day: date) -> int:
    return int(np.flatnonzero(series.ordinals == day.toordinal())[0])


def digest(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", DIGEST.format(seed=seed)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": hash_seed},
    )
    return done.stdout


def test_two_processes_draw_the_same_market_from_one_seed_and_another_from_another() -> None:
    first = digest(7, "1")
    assert first == digest(7, "2")
    assert first != digest(8, "1")


def test_a_series_does_not_depend_on_how_many_others_there_are(market: SyntheticMarket) -> None:
    smaller = SyntheticMarket(7, 200)
    shipped = {security.key for security in smaller.securities} & set(shipped_funds())
    assert len(shipped) == len(shipped_funds()) >= 200
    named_too = [ticker for ticker in shipped if ticker in ETFS]
    assert len(smaller.securities) == 200 + len(shipped) - len(named_too)
    for security in smaller.securities:
        assert security in market.securities
        assert np.array_equal(smaller.series(security).close, market.series(security).close)


def test_a_clock_that_moves_on_adds_years_and_changes_nothing_that_was() -> None:
    market = SyntheticMarket(7, 60)
    before = {security.key: (market.series(security), market.dividends(security)) for security in market.securities}
    assert market.last_day == date(2030, 12, 31)
    assert not market.reach(date(2030, 12, 31))
    assert market.reach(date(2035, 1, 3))
    assert not market.reach(date(2035, 1, 4))
    assert market.last_day == date(2040, 12, 31)
    for security in market.securities:
        now, (series, dividends) = market.series(security), before[security.key]
        drawn = len(series.ordinals)
        for name in ("ordinals", "open", "high", "low", "close", "volume"):
            assert np.array_equal(getattr(now, name)[:drawn], getattr(series, name))
        assert tuple(market.dividends(security))[: len(dividends)] == tuple(dividends)
    apple = market.series(named(market, "AAPL"))
    assert set(range(2031, 2041)) <= {date.fromordinal(day).year for day in apple.ordinals.tolist()}
    assert market.reach(date(2060, 1, 1)), "as far as there is a calendar"
    assert market.last_day == date(2050, 12, 30)
    assert not market.reach(date(2060, 1, 1))


def test_every_ticker_of_the_profiles_is_listed_now_with_its_kind(market: SyntheticMarket) -> None:
    today = {security.ticker_on(date(2026, 11, 20)): security for security in market.securities}
    assert {today[ticker].equity_type for ticker in STOCKS} == {"CS"}
    assert {today[ticker].equity_type for ticker in ETFS} == {"ETF"}
    assert {today[ticker].exchange for ticker in STOCKS + ETFS} <= {"XNYS", "XNAS", "ARCX", "BATS"}


def test_every_bar_keeps_the_invariants_and_falls_on_a_session(market: SyntheticMarket) -> None:
    days = set(sessions().ordinals.tolist())
    for security in market.securities:
        series = market.series(security)
        assert len(series.ordinals), security
        assert set(series.ordinals.tolist()) <= days
        assert np.all(np.diff(series.ordinals) > 0)
        assert np.all(series.low > 0)
        assert np.all(series.low <= np.minimum(series.open, series.close))
        assert np.all(series.high >= np.maximum(series.open, series.close))
        assert np.all(series.volume > 0)


def test_volumes_are_whole_until_2026_and_mostly_not_since(market: SyntheticMarket) -> None:
    since = PARTS_OF_SHARES_FROM.toordinal()
    whole, later = 0, 0
    for security in market.securities:
        series = market.series(security)
        assert np.array_equal(series.volume, np.round(series.volume, 6))
        parts = series.volume != np.floor(series.volume)
        assert not parts[series.ordinals < since].any()
        whole, later = whole + np.sum(~parts[series.ordinals >= since]), later + np.sum(series.ordinals >= since)
    assert whole / later == pytest.approx(1_151 / 12_518, abs=0.01)


def test_prices_are_printed_in_cents_and_below_a_dollar_in_hundredths_of_a_cent(market: SyntheticMarket) -> None:
    for key in ("AAPL", "PENY"):
        close = market.series(named(market, key)).close
        decimals = np.where(close < 1, 4, 2)
        assert all(round(price, int(digits)) == price for price, digits in zip(close, decimals, strict=True))
    assert (market.series(named(market, "PENY")).close < 1).any()


def test_a_split_shows_in_raw_prices_and_volumes_on_its_first_day(market: SyntheticMarket) -> None:
    split = named(market, "SPLT")
    series, at = market.series(split), on(market.series(split), date(2026, 9, 14))
    assert 2.6 < series.close[at - 1] / series.open[at] < 3.4
    assert 2 < series.volume[at : at + 40].mean() / series.volume[at - 40 : at].mean() < 4.5
    reverse = market.series(named(market, "RSPL"))
    at = on(reverse, date(2026, 6, 15))
    assert 8 < reverse.open[at] / reverse.close[at - 1] < 12


def test_invented_tickers_split_both_ways_and_about_once_in_four_years(market: SyntheticMarket) -> None:
    invented = [security for security in market.securities[164:] if security.key not in shipped_funds()]
    splitting = [market.splits(security) for security in invented if market.splits(security)]
    assert len(splitting) > 10
    kinds = {split.kind for splits in splitting for split in splits}
    assert kinds == {"forward_split", "reverse_split"}
    gaps = [(later.ex_date - former.ex_date).days for splits in splitting for former, later in pairwise(splits)]
    assert 2.5 < np.mean(gaps) / 365 < 5.5


def test_moves_are_fat_tailed_cluster_and_share_a_market_factor(market: SyntheticMarket) -> None:
    def returns(key: str) -> np.ndarray:
        return np.diff(np.log(market.series(named(market, key)).close))

    spy, qqq, treasuries = returns("SPY"), returns("QQQ"), returns("BND")
    kurtosis = ((spy - spy.mean()) ** 4).mean() / spy.var() ** 2
    assert kurtosis > 4
    size = np.abs(spy)
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.1
    assert np.corrcoef(spy, qqq)[0, 1] > 0.7
    assert abs(np.corrcoef(spy, treasuries)[0, 1]) < 0.3
    assert 0.005 < spy.std() < 0.02


def test_less_is_traded_on_half_days(market: SyntheticMarket) -> None:
    series = market.series(named(market, "SPY"))
    half = np.array([sessions().is_half_day(date.fromordinal(day)) for day in series.ordinals.tolist()])
    assert 0.4 < series.volume[half].mean() / series.volume[~half].mean() < 0.7


def test_thin_names_have_sessions_without_a_trade(market: SyntheticMarket) -> None:
    total = sum(day <= market.last_day for day in sessions().days)
    assert 0.66 < len(market.series(named(market, "THIN")).ordinals) / total < 0.74
    assert 0.31 < len(market.series(named(market, "THNR")).ordinals) / total < 0.39
    assert np.median(market.series(named(market, "THNR")).volume) < 200


def test_dividends_are_worth_what_the_yield_says(market: SyntheticMarket) -> None:
    coke = named(market, "KO")
    paid = [event for event in market.dividends(coke) if event.ex_date.year == 2025]
    close = market.series(coke).close[on(market.series(coke), date(2025, 12, 31))]
    assert len(paid) == 4
    assert 0.02 < sum(event.cash_amount for event in paid) / close < 0.04
    assert all(event.declared_on < event.ex_date < event.pay_date for event in paid)
    assert market.dividends(named(market, "TSLA")) == ()


def last_year(market: SyntheticMarket, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Split-adjusted daily log returns and dollar volumes of the year to 2026-11-20."""
    security = named(market, key)
    series = market.series(security)
    kept = (series.ordinals > date(2025, 11, 20).toordinal()) & (series.ordinals <= date(2026, 11, 20).toordinal())
    returns = np.diff(np.log(series.close[kept]))
    for split in market.splits(security):
        at = np.flatnonzero(series.ordinals[kept] == split.ex_date.toordinal())
        returns[at - 1] -= np.log(split.price_factor)
    return returns, (series.close * series.volume)[kept]


def test_every_shipped_etf_is_listed_at_its_venue_and_large_ones_trade_enough(market: SyntheticMarket) -> None:
    today = {security.ticker_on(date(2026, 11, 20)): security for security in market.securities}
    for fund in shipped_funds().values():
        listed = today[fund.ticker]
        assert listed.exchange == fund.exchange, fund
        assert listed.equity_type in ("ETF", "ETN")
        if fund.aum_usd and fund.aum_usd > 1e9:
            _, dollars = last_year(market, fund.ticker)
            assert np.convolve(dollars, np.ones(20) / 20, "valid").min() > 5e6, fund


def test_shipped_etfs_have_the_size_of_the_list_on_the_day_on_which_price_levels_hold(market: SyntheticMarket) -> None:
    for fund in shipped_funds().values():
        security = named(market, fund.ticker)
        series = market.series(security)
        shares = market.shares_on(security, ANCHOR)
        close = series.close[np.searchsorted(series.ordinals, ANCHOR.toordinal())]
        assert shares * close == pytest.approx(fund.aum_usd, rel=0.01)


@pytest.mark.parametrize(
    ("key", "against_spy", "yearly"),
    [
        ("XLF", (0.5, 0.95), (0.08, 0.3)),
        ("IJR", (0.5, 0.95), (0.08, 0.3)),
        ("SCHF", (0.45, 0.95), (0.07, 0.3)),
        ("VOO", (0.95, 1.0), (0.06, 0.3)),
        ("IAU", (-0.3, 0.3), (0.08, 0.3)),
        ("IEF", (-0.3, 0.3), (0.02, 0.08)),
        ("SHY", (-0.3, 0.3), (0.0, 0.04)),
        ("SH", (-1.0, -0.9), (0.06, 0.3)),
    ],
)
def test_funds_move_like_what_they_hold(
    market: SyntheticMarket, key: str, against_spy: tuple[float, float], yearly: tuple[float, float]
) -> None:
    returns, spy = last_year(market, key)[0], last_year(market, "SPY")[0]
    assert against_spy[0] < np.corrcoef(returns, spy)[0, 1] <= against_spy[1]
    assert yearly[0] < returns.std() * 252**0.5 < yearly[1]


def test_a_share_count_changes_at_splits_alone_and_market_cap_does_not_jump(market: SyntheticMarket) -> None:
    for key in ("AAPL", "SPLT", "RSPL", "FBYY", "GE"):
        security = named(market, key)
        series = market.series(security)
        for split in market.splits(security):
            at = int(np.searchsorted(series.ordinals, split.ex_date.toordinal()))
            if not 0 < at < len(series.ordinals):
                continue
            days = [date.fromordinal(int(series.ordinals[index])) for index in (at - 1, at)]
            before, after = (market.shares_on(security, day) for day in days)
            assert after / before == pytest.approx(split.split_to / split.split_from, rel=1e-6)
            caps = series.close[at - 1] * before, series.close[at] * after
            assert 0.75 < caps[1] / caps[0] < 1.35
        unsplit = [market.shares_on(security, date(2026, 10, day)) for day in (1, 30)]
        assert unsplit[0] == unsplit[1]


DAYS = st.dates(date(2004, 1, 1), date(2030, 1, 1))
SPLIT_LISTS = st.lists(st.tuples(DAYS, st.sampled_from([0.1, 0.5, 2, 3, 20])), max_size=4)


@given(st.integers(1, 10**11), SPLIT_LISTS, DAYS, DAYS)
def test_shares_on_a_day_follow_from_those_of_any_other_by_the_splits_between(
    shares: int, splits: list[tuple[date, float]], known: date, asked: date
) -> None:
    events = sorted((SplitEvent(day, 1, ratio) for day, ratio in splits), key=lambda event: event.ex_date)
    security = Security("A", "A", "CS", "XNYS", None, (TickerSpan("A", date(2003, 9, 10)),), None, None, shares)
    then = replace(security, shares_as_of=known).shares_on(asked, events)
    ratio = np.prod([event.split_to for event in events if min(known, asked) < event.ex_date <= max(known, asked)])
    assert then == pytest.approx(max(shares * (ratio if asked > known else 1 / ratio), 1), rel=1e-6, abs=0.51)
