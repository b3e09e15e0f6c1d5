"""Bars that seem to stand alone and are right: leveraged funds, ex-dates that are off, new listings."""

import numpy as np
import polars as pl
import pytest

from tickstock_dagster.core.actions.returns import PAYOUT_SCHEMA
from tickstock_dagster.core.judging.judging import judge
from tickstock_dagster_tests.core.judging.panels import DAYS, LIMITS, PLACE, disturbed, judged, panel_of, quiet_bars

DAY, BEFORE, AFTER = DAYS[PLACE], DAYS[PLACE - 1], DAYS[PLACE + 1]
PRICES = ("open", "high", "low", "close")
FUND = pl.col("security_id") == 7


def scaled(bars, factor, *, where):
    return bars.with_columns(pl.when(where).then(pl.col(name) * factor).otherwise(pl.col(name)) for name in PRICES)


def with_fund(times, fall):
    """Security 7 moves by so many times the market, which falls overnight, for `DAY` alone."""
    bars = quiet_bars()
    moves = bars.with_columns(move=(pl.col("close") / pl.col("close").shift().over("security_id")).log())
    market = moves.group_by("session").agg(pl.col("move").median()).sort("session")["move"].fill_null(0.0).to_numpy()
    close = 50 * np.exp(times * market.cumsum())
    opened = np.r_[close[0], close[:-1]]
    prices = {"open": opened, "high": np.maximum(opened, close) * 1.002, "low": np.minimum(opened, close) * 0.998}
    mine = bars.filter(FUND).with_columns(pl.Series(n, v) for n, v in (prices | {"close": close}).items())
    bars = pl.concat([bars.filter(~FUND), mine]).sort("security_id", "session")
    on_day = pl.col("session") == DAY
    return scaled(scaled(bars, fall, where=on_day & ~FUND), fall**times, where=on_day & FUND)


def verdicts(bars, day=DAY, **changed):
    """Rule → (verdict, cause) of the disturbed security on a day."""
    return {rule: told for (on, rule), told in judged(bars, **changed).items() if on == day}


def payouts(day, *, ratio=None, cash=None):
    return pl.DataFrame([(7, day, ratio, cash, None)], schema=PAYOUT_SCHEMA, orient="row")


@pytest.mark.parametrize("times", [3, -3, 2, -1])
def test_a_fund_that_takes_the_markets_legs_at_its_own_beta_does_not_stand_alone(times):
    found = judge(panel_of(with_fund(times, 0.93)), LIMITS)
    assert "lone_bar" not in set(found["rule"])
    assert "wrong" not in set(found["verdict"])


def test_a_bar_of_such_a_fund_that_is_off_is_wrong_all_the_same():
    bars = scaled(with_fund(3, 0.97), 1.4, where=FUND & (pl.col("session") == DAY))
    assert verdicts(bars)["lone_bar"][0] == "wrong"


def test_a_fund_that_falls_by_its_beta_is_explained_by_the_market():
    bars = with_fund(3, 0.85)
    kept = bars.filter(pl.col("session") <= DAY)
    assert verdicts(kept, first=DAY)["price_move"] == ("explained", "the market moved with it, by its beta")


@pytest.mark.parametrize("told", [BEFORE, AFTER])
@pytest.mark.parametrize("paid", [0.1, 0.3])
def test_a_dividend_that_is_told_one_session_off_makes_no_bar_wrong(told, paid):
    bars = scaled(quiet_bars(), 1 - paid, where=FUND & (pl.col("session") >= DAY))
    cash = paid * bars.filter(FUND & (pl.col("session") == DAYS[PLACE - 2]))["close"][0]
    found = judged(bars, payouts=payouts(told, cash=cash))
    assert "wrong" not in {verdict for verdict, _ in found.values()}
    alone = min(told, DAY)
    if paid == 0.1:  # what a larger one makes of the close before it does not fit the bar before that
        assert found[alone, "lone_bar"] == ("suspicious", "the ex-date of an action is one session off, it seems")


@pytest.mark.parametrize("told", [BEFORE, AFTER, DAYS[PLACE + 3], DAYS[PLACE - 4]])
@pytest.mark.parametrize(("ratio", "traded"), [(0.5, 1.0), (0.5, 0.5), (0.1, 3.5), (10.0, 1.0), (10.0, 0.02)])
def test_a_split_that_is_told_some_sessions_off_makes_no_bar_wrong(told, ratio, traded):
    since = FUND & (pl.col("session") >= DAY)
    bars = scaled(quiet_bars(), ratio, where=since)
    bars = bars.with_columns(volume=pl.when(since).then(pl.col("volume") / ratio * traded).otherwise("volume"))
    found = judged(bars, payouts=payouts(told, ratio=ratio))
    assert "wrong" not in {verdict for verdict, _ in found.values()}
    assert "suspicious" in {verdict for verdict, _ in found.values()}


@pytest.mark.parametrize(("bars_before", "verdict"), [(1, "explained"), (10, "suspicious"), (30, "wrong")])
def test_what_is_usual_of_a_new_listing_is_not_known(bars_before, verdict):
    def off(columns, place):
        for name in PRICES:
            columns[name][place] *= 1.5

    listed = disturbed(off).filter(~FUND | (pl.col("session") >= DAYS[PLACE - bars_before]))
    assert verdicts(listed)["lone_bar"][0] == verdict


@pytest.mark.parametrize(
    ("bars_before", "volume", "verdict"), [(0, 1, "suspicious"), (60, 20, "suspicious"), (60, 1, "wrong")]
)
def test_a_high_that_many_traded_at_or_of_a_first_session_may_be_a_price(bars_before, volume, verdict):
    def spiked(columns, place):
        columns["high"][place] = columns["close"][place] * 4
        columns["volume"][place] *= volume

    listed = disturbed(spiked).filter(~FUND | (pl.col("session") >= DAYS[PLACE - bars_before]))
    assert verdicts(listed)["lone_extreme"][0] == verdict
