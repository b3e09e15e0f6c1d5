from datetime import date, timedelta

import polars as pl
import pytest

from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.judging.thresholds import Limits, in_force
from tickstock_dagster.core.quality.scores import ScoredFinding, finding_points
from tickstock_dagster.core.quality.source_rules import CANDIDATE_SCHEMA, sources_differ
from tickstock_dagster_tests.core.judging.panels import LIMITS

DAYS = [date(2024, 1, 2) + timedelta(days=number) for number in range(30)]


def bars(source, *, adjusted=False, venue=None, scale=1.0, **changed):
    rows = []
    for number, day in enumerate(DAYS):
        close = 100.0 + number
        one = {"open": close - 1, "high": close + 2, "low": close - 2, "close": close, "volume": 1e6 / scale}
        prices = {name: value * scale for name, value in one.items() if name != "volume"}
        rows.append({"security_id": 1, "session": day, "ticker": "ABCD", "source": source, "adjusted": adjusted}
                    | {"venue": venue, "volume": one["volume"]} | prices)  # fmt: skip
    for name, value in changed.items():
        rows[10][name] *= value
    return pl.DataFrame(rows, schema=CANDIDATE_SCHEMA)


STORED = bars("massive")


def found(candidates):
    return [(row["session"], row["cause"]) for row in sources_differ(STORED, candidates, LIMITS).iter_rows(named=True)]


def test_sources_that_agree_within_the_tolerance_raise_nothing():
    assert found(bars("files:1")) == []
    assert found(bars("files:1", close=1.004, volume=1.09)) == []
    assert found(bars("files:1").filter(pl.col("session") < DAYS[0])) == []


def test_a_different_price_and_a_different_volume_are_told_apart():
    assert found(bars("files:1", close=1.02)) == [(DAYS[10], "files:1 differs in its prices")]
    assert found(bars("files:1", volume=1.3)) == [(DAYS[10], "files:1 differs in its volume")]


def test_an_adjusted_source_is_compared_by_the_shape_of_its_prices():
    assert found(bars("files:1", adjusted=True, scale=0.25)) == []
    odd = bars("files:1", adjusted=True, scale=0.25, close=1.02)
    assert found(odd) == [(DAYS[10], "files:1 differs in the shape of its prices")]


def test_of_one_venue_only_what_the_whole_market_saw_is_compared():
    part = bars("venue", venue="XNAS", volume=0.2, high=0.99, open=1.01)
    assert found(part) == []
    assert found(bars("venue", venue="XNAS", high=1.02)) == [(DAYS[10], "venue differs in its prices")]


def test_of_several_candidates_the_one_that_differs_most_is_told_and_all_are_shown():
    several = pl.concat([bars("a", close=1.01), bars("b", close=1.03), bars("c")])
    (one,) = sources_differ(STORED, several, LIMITS).iter_rows(named=True)
    assert one["cause"] == "b differs in its prices"
    assert one["value"] == pytest.approx(0.03)
    assert '"other_close":113.3' in one["evidence"]


def test_a_type_that_overrides_what_may_differ_is_compared_by_its_own_numbers():
    limits = Limits({"CS": in_force({"sources_differ": 0.05})}, in_force({}))
    candidates = bars("files:1", close=1.02)
    typed = STORED.with_columns(equity_type=pl.lit("CS"))
    assert sources_differ(typed, candidates, limits).is_empty()
    assert sources_differ(typed, candidates, LIMITS).height == 1


def test_a_volume_that_the_stored_bar_lacks_is_a_difference():
    silent = STORED.with_columns(volume=pl.when(pl.col("session") == DAYS[10]).then(0.0).otherwise("volume"))
    assert sources_differ(silent, bars("files:1"), LIMITS)["cause"].to_list() == ["files:1 differs in its volume"]
    assert sources_differ(silent, bars("files:1", volume=0), LIMITS).is_empty()


def test_of_equal_candidates_the_first_by_name_is_told_in_whatever_order_they_come():
    several = [bars(name, close=1.02) for name in ("b", "a", "c")]
    for order in (several, several[::-1]):
        (one,) = sources_differ(STORED, pl.concat(order), LIMITS).iter_rows(named=True)
        assert one["cause"] == "a differs in its prices"


def test_what_differs_in_more_takes_no_fewer_points():
    taken = []
    for close in (1.0, 1.006, 1.02, 1.2):
        (one,) = sources_differ(STORED, bars("a", close=close, volume=2.0), LIMITS).iter_rows(named=True)
        finding = ScoredFinding("sources_differ", Verdict.SUSPICIOUS, one["value"], one["threshold"])
        taken.append(finding_points(finding))
    assert taken == sorted(taken)
    assert one["cause"] == "a differs in its prices and its volume"
