"""Each kind of defect in otherwise quiet bars, and the look-alikes that are none."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from tickstock_dagster.core.actions.returns import PAYOUT_SCHEMA
from tickstock_dagster.core.judging.findings import FINDING_SCHEMA
from tickstock_dagster.core.judging.judging import judge, judge_all
from tickstock_dagster.core.judging.panel import SHORT_SCALE
from tickstock_dagster.core.judging.thresholds import Limits, in_force
from tickstock_dagster_tests.core.judging.panels import DAYS, LIMITS, PLACE, disturbed, judged, panel_of, quiet_bars

DAY = DAYS[PLACE]
PRICES = ("open", "high", "low", "close")


def scaled(bars, place, factor, names=PRICES, end=None):
    for name in names:
        bars[name][place:end] = bars[name][place:end] * factor


def one(name, factor):
    def change(bars, place):
        bars[name][place] *= factor

    return change


def row(factor, volume=1.0):
    def change(bars, place):
        scaled(bars, place, factor, end=place + 1)
        bars["volume"][place] *= volume

    return change


def from_here(factor, volume=1.0):
    def change(bars, place):
        scaled(bars, place, factor)
        bars["volume"][place:] *= volume

    return change


def close_moves(factor, volume=1.0):
    def change(bars, place):
        scaled(bars, place + 1, factor)
        bars["close"][place] *= factor
        bars["high"][place] = max(bars["high"][place], bars["close"][place])
        bars["low"][place] = min(bars["low"][place], bars["close"][place])
        bars["volume"][place] *= volume

    return change


def copied(bars, place):
    for name in (*PRICES, "volume"):
        bars[name][place] = bars[name][place - 1]


def rarely_traded(bars, place):
    row(1.5)(bars, place)
    bars["volume"][:] = 300.0


def of_round_lots(before):
    def change(bars, place):
        middle = round(bars["close"][place - before], 2)
        for at in (place - before, place):
            for name, ticks in zip(PRICES, (0, 2, -1, 1), strict=True):
                bars[name][at] = middle + ticks / 100
            bars["volume"][at] = 20_000.0

    return change


def frozen(bars, place):
    for at in range(place, place + 6):
        bars["close"][at] = bars["close"][place - 1]
        bars["high"][at] = max(bars["high"][at], bars["close"][at])
        bars["low"][at] = min(bars["low"][at], bars["close"][at])


def volume(factor):
    def change(bars, place):
        bars["volume"][place] = bars["volume"][place - 20 : place].mean() * factor

    return change


@pytest.mark.parametrize(
    ("change", "rule", "verdict", "words"),
    [
        (one("close", 1.5), "bar_order", "wrong", "the close is outside of low and high"),
        (one("close", 0.5), "bar_order", "wrong", "by 2:1: as if a split were applied to it alone"),
        (one("open", np.nan), "bar_order", "wrong", "a price is missing"),
        (one("low", 0.0), "bar_order", "wrong", "a price is not positive"),
        (one("high", np.inf), "bar_order", "wrong", "a price is not finite"),
        (one("volume", np.inf), "bar_order", "wrong", "the volume is not finite"),
        (one("volume", np.nan), "bar_order", "wrong", "the volume is missing"),
        (one("high", 0.5), "bar_order", "wrong", "the high is below the low"),
        (one("volume", -1.0), "bar_order", "wrong", "the volume is negative"),
        (copied, "copied_bar", "wrong", "again"),
        (row(100.0), "scale_break", "wrong", "prices are off their level by 10^2"),
        (row(0.1), "scale_break", "wrong", "prices are off their level by 10^-1"),
        (from_here(10.0, 0.1), "scale_break", "suspicious", "shares the other way"),
        (from_here(10.0), "scale_break", "suspicious", "a level that lasts: prices changed by 10^1 for more than 10"),
        (one("high", 10.0), "lone_extreme", "wrong", "stands alone"),
        (row(1.5), "lone_bar", "wrong", "apart from both neighbours"),
        (rarely_traded, "lone_bar", "suspicious", "little is usual"),
        (from_here(0.5, 2.0), "price_move", "suspicious", "a missing split 2:1 is suspected"),
        (from_here(2 / 3, 1.5), "price_move", "suspicious", "a missing split 3:2 is suspected"),
        (from_here(0.72), "price_move", "suspicious", "a missing spin-off or payment is suspected"),
        (close_moves(0.7, 8.0), "price_move", "explained", "trading confirms it"),
        (volume(9.0), "volume_spike", "suspicious", "nothing that is known"),
        (volume(0.05), "volume_drought", "suspicious", "nothing that is known"),
        (volume(0.0), "no_volume", "wrong", "no share was traded"),
    ],
)
def test_a_defect_is_found_with_its_verdict(change, rule, verdict, words):
    found = judged(disturbed(change))
    assert found[DAY, rule][0] == verdict
    assert words in found[DAY, rule][1]


@pytest.mark.parametrize(("before", "verdicts"), [(1, {"suspicious"}), (5, set())])
def test_round_lots_within_few_ticks_are_a_copy_of_the_bar_before_and_of_no_earlier_one(before, verdicts):
    found = judged(disturbed(of_round_lots(before)))
    assert {verdict for (_, rule), (verdict, *_) in found.items() if rule == "copied_bar"} == verdicts


def test_a_session_that_is_delivered_again_on_the_evening_is_wrong_though_its_neighbours_are_not_known():
    """The day before gapped and then stood still: its bars seem to fit less than their copies."""
    gapped = pl.when(pl.col("session") >= DAYS[PLACE - 1]).then(1.05).otherwise(1.0)
    bars = quiet_bars().with_columns(pl.col(name) * gapped for name in PRICES)
    before = bars.filter(pl.col("session") == DAYS[PLACE - 1])
    again = before.with_columns(session=pl.lit(DAYS[PLACE]))
    known = pl.concat([bars.filter(pl.col("session") < DAY), again]).sort("security_id", "session")
    found = judge(panel_of(known, first=DAY), LIMITS).filter(pl.col("rule") == "copied_bar")
    assert found.height == before.height
    assert set(found["verdict"]) == {"wrong"}


def test_equal_closes_are_found_once_in_a_run():
    found = judged(disturbed(frozen))
    assert [key[1] for key in found] == ["frozen_close"]


@pytest.mark.parametrize("least_likely", [0.02, 0.05, 0.1])
def test_equal_closes_are_found_whatever_probability_is_too_small(least_likely):
    limits = Limits({}, in_force({"frozen_close": least_likely}))
    found = judge(panel_of(disturbed(frozen)), limits).filter(pl.col("security_id") == 7)
    assert found.select("session", "rule").rows() == [(DAY, "frozen_close")]


def test_quiet_bars_raise_nothing():
    assert judge(panel_of(quiet_bars()), LIMITS).is_empty()
    assert judge(panel_of(quiet_bars().head(0)), LIMITS).schema == pl.Schema(FINDING_SCHEMA)


def payout(day: date, ratio: float | None = None, cash: float | None = None) -> pl.DataFrame:
    return pl.DataFrame([(7, day, ratio, cash, None)], schema=PAYOUT_SCHEMA, orient="row")


def test_a_known_split_explains_the_move_and_puts_volumes_into_one_days_shares():
    bars = disturbed(from_here(0.1, 10.0))
    assert (DAY, "scale_break") in judged(bars)
    assert judged(bars, payouts=payout(DAY, ratio=0.1)) == {}


def test_an_untold_split_is_suspected_once_and_explains_the_volumes_after_it():
    found = judged(disturbed(from_here(10.0, 0.1)))
    assert {day for day, rule in found if rule == "scale_break"} == {DAY}
    volumes = {(verdict, cause) for (_, rule), (verdict, cause) in found.items() if rule.startswith("volume_")}
    assert volumes == {("explained", "its shares are those after the suspected split")}


@pytest.mark.parametrize("volumes", [0.1, 1.0])
def test_a_level_that_lasts_is_found_once(volumes):
    found = judged(disturbed(from_here(10.0, volumes)))
    assert [key for key in found if not key[1].startswith("volume_")] == [(DAY, "scale_break")]


@pytest.mark.parametrize("count", [SHORT_SCALE, SHORT_SCALE + 1])
def test_bars_that_were_set_aside_count_for_their_level(count):
    """The evening on which so many bars are on the new level, of which all but the newest were set aside."""
    known = disturbed(from_here(10.0)).filter(pl.col("session") < DAYS[PLACE + count])
    newest = DAYS[PLACE + count - 1]
    aside = (pl.col("security_id") == 7) & pl.col("session").is_between(DAY, newest, closed="left")
    quarantined = known.filter(aside).with_columns(refused=pl.lit(None, dtype=pl.String))
    panel = panel_of(known.filter(~aside), quarantined=quarantined, sessions=DAYS[: PLACE + count], first=newest)
    judgement = judge_all(panel, LIMITS)
    found = judgement.findings.filter(pl.col("security_id") == 7)
    if count == SHORT_SCALE:
        assert found.select("session", "rule", "verdict").rows() == [(newest, "scale_break", "wrong")]
        assert judgement.cleared.is_empty()
    else:
        assert found.select("session", "rule", "verdict").rows() == [(DAY, "scale_break", "suspicious")]
        assert judgement.cleared.rows() == [(7, day, DAY) for day in DAYS[PLACE + 1 : PLACE + count - 1]]


@pytest.mark.parametrize(
    ("change", "ratio", "words"),
    [
        (one("close", 0.5), None, "by 2:1: as if a split were applied to it alone"),
        (one("open", 2.0), None, "by 2:1: as if a split were applied to the other prices and not to it"),
        (one("close", 0.5), 2.0, f"by 2:1: the split of {DAYS[PLACE + 1]} is applied to it alone"),
        (
            one("close", 0.5),
            0.5,
            f"by 2:1: the split of {DAYS[PLACE + 1]} is applied to the other prices and not to it",
        ),
        (one("close", 1 / 2.5), 2.5, f"by 5:2: the split of {DAYS[PLACE + 1]} is applied to it alone"),
        (one("close", 0.5), 3.0, None),
        (one("close", 0.545), None, None),
        (one("close", 0.8), None, None),
    ],
)
def test_a_part_of_a_bar_has_another_split_only_where_it_meets_the_others_with_it(change, ratio, words):
    """A price is off by n:1 where it lies between low and high with it; another split that is known refutes it."""
    payouts = pl.DataFrame(schema=PAYOUT_SCHEMA) if ratio is None else payout(DAYS[PLACE + 1], ratio=1 / ratio)
    _, cause = judged(disturbed(change), payouts=payouts)[DAY, "bar_order"]
    if words is None:
        assert cause == "the close is outside of low and high"
    else:
        assert words in cause


def test_other_prices_than_the_close_before_have_the_split():
    def change(bars, place):
        scaled(bars, place, 0.5, names=("high", "low", "close"), end=place + 1)

    _, cause = judged(disturbed(change))[DAY, "bar_order"]
    assert cause == "the open is outside of low and high, by 2:1: as if a split were applied to the other prices alone"


def test_what_a_load_refused_is_found_and_moves_nothing_else():
    """A bar that was refused on the day before a fall: the fall is against the last stored close."""
    bars = disturbed(from_here(0.72))
    before = pl.col("session") == DAYS[PLACE - 1]
    mine = before & (pl.col("security_id") == 7)
    refused = bars.filter(mine).with_columns(close=pl.col("close") / 2, refused=pl.lit("close is outside [low, high]"))
    without = judge(panel_of(bars.filter(~mine)), LIMITS)
    found = judge(panel_of(bars.filter(~mine), quarantined=refused), LIMITS)
    extra = found.join(without, on=["security_id", "session", "rule"], how="anti")
    assert extra.select("session", "rule", "verdict").rows() == [(DAYS[PLACE - 1], "bar_order", "wrong")]
    assert found.join(extra, on=["security_id", "session", "rule"], how="anti").equals(without)


def test_a_known_dividend_explains_the_fall():
    bars = disturbed(from_here(0.7))
    before = bars.filter((pl.col("security_id") == 7) & (pl.col("session") == DAYS[PLACE - 1]))["close"][0]
    assert judged(bars)[DAY, "price_move"][0] == "suspicious"
    assert judged(bars, payouts=payout(DAY, cash=0.3 * before)) == {}


def test_a_market_that_falls_together_explains_each_fall():
    crash = np.where(np.arange(len(DAYS)) >= PLACE, 0.75, 1.0)
    bars = quiet_bars().with_columns((pl.col(name) * pl.Series(np.tile(crash, 40))).alias(name) for name in PRICES)
    found = judge(panel_of(bars), LIMITS).filter(pl.col("rule") == "price_move")
    assert found.height >= 40 - 2
    assert set(found["verdict"]) == {"explained"}
    assert set(found["cause"]) == {"the market moved with it"}


def test_a_wrong_row_counts_for_nothing_on_the_sessions_after_it():
    found = judged(disturbed(row(100.0, volume=3.0)))
    assert {day for day, _ in found} == {DAY}


def test_evidence_has_the_bar_and_the_numbers_behind_the_verdict():
    found = judge(panel_of(disturbed(from_here(0.5, 2.0))), LIMITS).row(
        by_predicate=(pl.col("rule") == "price_move"), named=True
    )
    evidence = json.loads(found["evidence"])
    assert {"open", "high", "low", "close", "volume", "last_close", "own_move", "usual_move"} <= evidence.keys()
    assert found["value"] == pytest.approx(1 - evidence["close"] / evidence["last_close"])
    assert found["threshold"] == 0.2
    assert found["settled_by"] == f"/stocks/v1/splits?ticker=T7&execution_date={DAY}"
    assert "an action with this ex-date" in found["would_change"]


def test_only_judged_sessions_are_found():
    bars = disturbed(from_here(0.5, 2.0))
    assert judge(panel_of(bars, first=DAYS[PLACE + 1]), LIMITS).is_empty()
    assert judge(panel_of(bars, first=DAY), LIMITS).height >= 1


def unchanged(_bars, _place):
    """No disturbance."""


def with_fund(change, fund_change=None):
    """Security 7 compared with security 8, of which it moves by three times as much."""
    bars = quiet_bars()
    fund = bars.filter(pl.col("security_id") == 8)
    moves = np.diff(np.log(fund["close"].to_numpy()), prepend=np.log(fund["close"][0]))
    noise = np.random.default_rng(3).normal(0, 0.001, len(moves))
    close = 50 * np.exp((3 * moves + noise).cumsum())
    columns = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
    mine = bars.filter(pl.col("security_id") == 7).with_columns(pl.Series(n, v) for n, v in columns.items())
    bars = pl.concat([bars.filter(pl.col("security_id") != 7), mine]).sort("security_id", "session")
    if fund_change:
        both = pl.col("security_id").is_in([7, 8]) & (pl.col("session") >= DAY)
        factor = pl.when(pl.col("security_id") == 7).then(fund_change**3).otherwise(fund_change)
        bars = bars.with_columns(pl.when(both).then(pl.col(n) * factor).otherwise(pl.col(n)).alias(n) for n in PRICES)
    panel = panel_of(disturbed(change, bars))
    mine = pl.col("security_id") == 7
    facts = panel.facts.with_columns(
        reference=pl.when(mine).then(pl.lit(8, dtype=pl.Int64)),
        equity_type=pl.when(mine).then(pl.lit("ETF")).otherwise("equity_type"),
        home=pl.when(mine).then(pl.lit("XTKS")),
    )
    return bars, facts, disturbed(change, bars)


def test_a_fund_that_moves_as_what_it_is_compared_with_is_explained_and_one_that_moves_alone_is_not():
    _, facts, bars = with_fund(unchanged, fund_change=0.9)
    assert judged(bars, facts=facts)[DAY, "price_move"] == ("explained", "it moved as what it is compared with")
    _, facts, bars = with_fund(from_here(0.72))
    found = judged(bars, facts=facts)
    assert found[DAY, "price_move"][0] == "suspicious"
    assert found[DAY, "reference_gap"] == ("suspicious", "what it is compared with did not move so")


def test_a_closed_home_market_explains_a_distance_from_the_reference():
    _, facts, bars = with_fund(from_here(0.9))
    found = judged(bars, facts=facts, home_closed={"XTKS": frozenset({DAY})})
    assert found == {(DAY, "reference_gap"): ("explained", "its home market, XTKS, was closed")}
