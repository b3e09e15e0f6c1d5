"""ETF profiles: units and bounds, and the real client against the simulator."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.adapters.sources.massive import etf_profiles as massive_etfs
from tickstock_dagster.adapters.sources.massive.etf_profiles import (
    AUM_BOUNDS,
    EXPENSE_BOUNDS,
    one_row_each,
    profiles_page,
)
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import (
    ETF_PROFILE_SCHEMA,
    MalformedAnswerError,
    NotEntitledError,
    NotFoundError,
)
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.loading.vendor_plans import VendorPlan, vendor_plan
from tickstock_dagster.simulator.synthetic.funds import shipped_funds
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.sources.scripted_vendor import Reply, scripted_vendor

SUNDAY = datetime(2026, 11, 22, 15, tzinfo=UTC)
FRIDAY = date(2026, 11, 20)
DAY = date(2026, 1, 5)
QUICK = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)
WIDE = VendorPlan(**{**{name: getattr(vendor_plan("starter"), name) for name in VendorPlan.__slots__}, "calls": 10_000})


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with RunningSimulator(now=SUNDAY, etf_facts=True, rate=(100_000, 1)) as simulator:
        simulator.vendor.wait_for_tape()
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> RunningSimulator:
    running.reset()
    return running


@pytest.fixture
def source(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[MassiveSource]:
    monkeypatch.setattr(massive_etfs, "WHOLE", 100)  # the simulator has fewer funds than the vendor
    opened = open_on(simulator)
    yield opened
    opened.close()


def open_on(simulator: RunningSimulator) -> MassiveSource:
    return MassiveSource(simulator.key, simulator.url, WIDE, LocalRateLimiter(WIDE), policy=QUICK)


def row(ticker: str = "ABCX", **changed: object) -> dict[str, object]:
    days = {"processed_date": "2026-01-05", "effective_date": "2026-01-05"}
    return {"composite_ticker": ticker, "aum": 1.25e9, "net_expenses": 0.0945, **days, **changed}


def page(*rows: dict[str, object], **changed: object) -> pl.DataFrame:
    answer = {"status": "OK", "count": len(rows), "results": list(rows), **changed}
    return profiles_page(orjson.dumps(answer), latest=DAY, first=DAY).frame


def test_percent_becomes_a_fraction_and_dollars_stay():
    (profile,) = page(
        row(description="Abc Large Cap ETF", issuer="Abc", primary_benchmark="None", inception_date="2012-05-01")
    ).to_dicts()
    assert list(profile) == list(ETF_PROFILE_SCHEMA)
    assert profile["net_expenses"] == pytest.approx(0.000945, rel=1e-12)
    assert (profile["aum_usd"], profile["refused"]) == (1.25e9, None)
    assert (profile["name"], profile["issuer"], profile["primary_benchmark"]) == ("Abc Large Cap ETF", "Abc", None)
    assert profile["inception_date"] == date(2012, 5, 1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"aum": 9_999.0}, "AUM of 9999.0 USD is outside 10000..5e+12"),
        ({"aum": -1}, "AUM of -1"),
        ({"aum": 6e12}, "AUM of 6"),
        ({"net_expenses": 20.1}, "net expenses of 20.1 % are outside 0..20 %"),
        ({"net_expenses": -0.01}, "net expenses of -0.01 %"),
        ({"effective_date": None}, "no effective date"),
        ({"effective_date": "2026-01-06"}, "speaks of 2026-01-06"),
    ],
)
def test_an_implausible_row_is_refused_with_the_reason_and_hands_on_no_figure(changed, words):
    refused, good = page(row(**changed), row("GOOD")).to_dicts()
    assert words in refused["refused"]
    assert (refused["aum_usd"], refused["net_expenses"]) == (None, None)
    assert good["refused"] is None


def test_what_is_not_told_is_null_and_no_reason_to_refuse():
    (profile,) = page(row(aum=None, net_expenses=None, inception_date="None")).to_dicts()
    assert [profile[name] for name in ("aum_usd", "net_expenses", "inception_date", "refused")] == [None] * 4


@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    st.floats(allow_nan=False, allow_infinity=False) | st.none(),
)
def test_no_figure_outside_the_bounds_is_ever_handed_on(aum: float | None, percent: float | None) -> None:
    (profile,) = page(row(aum=aum, net_expenses=percent)).to_dicts()
    for value, (low, high) in ((profile["aum_usd"], AUM_BOUNDS), (profile["net_expenses"], EXPENSE_BOUNDS)):
        assert value is None or low <= value <= high
    kept = profile["aum_usd"] is not None or profile["net_expenses"] is not None
    assert kept == (profile["refused"] is None and not (aum is None and percent is None))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"aum": 1e9}], "composite_ticker is None"),
        ([row(processed_date=None)], "processed_date is missing"),
        ([row(processed_date=7)], "processed_date 7 is not a date"),
        ([row(processed_date="2026-01-06")], "outside 2026-01-05..2026-01-05"),
    ],
)
def test_rows_about_nothing_or_another_day_are_malformed(rows, words):
    with pytest.raises(MalformedAnswerError, match=words):
        page(*rows)


def test_a_row_about_nothing_or_another_day_is_set_aside_and_an_odd_value_left_out():
    rows = [{"aum": 1e9}, row(processed_date=None), row(processed_date="2026-01-06"), 7, row("GOOD", issuer=[1])]
    found = profiles_page(orjson.dumps({"status": "OK", "results": rows}), DAY, DAY)
    (good,) = found.frame.to_dicts()
    assert (good["ticker"], good["issuer"], good["aum_usd"]) == ("GOOD", None, 1.25e9)
    assert len(found.odd) == 5


def test_repeats_are_dropped_and_contradictions_refused():
    rows = one_row_each(page(row("B"), row("A"), row("B"), row("C", aum=2e9), row("C", aum=3e9)))
    assert rows["ticker"].to_list() == ["A", "B", "C"]
    assert rows["refused"].to_list() == [None, None, "2 rows that contradict each other"]
    assert rows["aum_usd"].to_list() == [1.25e9, 1.25e9, None]


@pytest.mark.parametrize("changed", [{"aum": 400_000.0}, {"net_expenses": 0.0009}, {"net_expenses": 9.45}])
def test_many_funds_in_another_unit_are_refused_as_a_whole(changed):
    with pytest.raises(MalformedAnswerError, match="not in the unit known"):
        one_row_each(page(*(row(f"F{number}", **changed) for number in range(100))))


@pytest.mark.parametrize(("newest", "taken"), [(1, "2026-01-02"), (49, "2026-01-02"), (50, "2026-01-05")])
def test_a_fragment_of_the_newest_day_is_not_taken_for_all_funds(newest, taken, caplog):
    def profiles(day, funds):
        rows = [row(f"F{number}", processed_date=day, effective_date="2026-01-02") for number in range(funds)]
        return Reply({"status": "OK", "results": rows})

    with scripted_vendor() as vendor:
        vendor.replies = [
            profiles("2026-01-05", 1),
            profiles("2026-01-05", newest),
            profiles("2026-01-02", 1),
            profiles("2026-01-02", 100),
            profiles("2026-01-01", 1),
            profiles("2026-01-01", 100),
        ]
        opened = MassiveSource("key", vendor.url, WIDE, LocalRateLimiter(WIDE), policy=QUICK)
        found = opened.etf_profiles(DAY)
        opened.close()
    assert {str(day) for day in found["processed_date"]} == {taken}
    assert found.height == (newest if taken == "2026-01-05" else 100)
    assert ("the former day is taken" in caplog.text) == (taken == "2026-01-02")


def test_without_the_add_on_nobody_is_entitled():
    with RunningSimulator(now=SUNDAY, rate=(100_000, 1)) as plain:
        source = open_on(plain)
        with pytest.raises(NotEntitledError):
            source.etf_profiles(FRIDAY)
        source.close()


def test_the_newest_profiles_by_a_sunday_are_those_of_friday_in_two_calls(source):
    profiles = source.etf_profiles(date(2026, 11, 22))
    assert profiles.schema == pl.Schema(ETF_PROFILE_SCHEMA)
    assert set(profiles["processed_date"]) == {FRIDAY}
    assert set(shipped_funds()) <= set(profiles["ticker"])
    assert profiles["refused"].null_count() == profiles.height
    assert profiles["ticker"].is_sorted()
    assert (profiles["effective_date"] < FRIDAY).any()
    gold = profiles.row(by_predicate=pl.col("ticker") == "GLD", named=True)
    assert gold["net_expenses"] == pytest.approx(shipped_funds()["GLD"].facts.expense_ratio)
    assert 0.2 < gold["aum_usd"] / shipped_funds()["GLD"].aum_usd < 5
    assert [call.endpoint for call in source.drain_calls()] == ["/etf-global/v1/profiles"] * 2


def test_pages_are_joined_and_a_past_day_has_its_own_funds(source, monkeypatch):
    whole = source.etf_profiles(date(2016, 6, 1))
    assert "XLC" not in set(whole["ticker"])  # begins in 2018
    assert whole["processed_date"].unique().to_list() == [date(2016, 6, 1)]
    monkeypatch.setattr(massive_etfs, "MAX_PROFILES", 60)
    source.drain_calls()
    assert source.etf_profiles(date(2016, 6, 1)).equals(whole)
    assert len(source.drain_calls()) == 1 + -(-whole.height // 60)


def test_a_day_before_the_first_profile_is_not_found(source):
    with pytest.raises(NotFoundError, match="no ETF profiles that were out on 2003-01-02"):
        source.etf_profiles(date(2003, 1, 2))


@pytest.mark.parametrize(
    ("fault", "parameters", "error"),
    [
        ("null_results", {}, MalformedAnswerError),
        ("cut_body", {}, MalformedAnswerError),
        ("not_entitled", {}, NotEntitledError),
        ("empty_200", {}, NotFoundError),
    ],
)
def test_faults_strike_this_endpoint_too(simulator, source, fault, parameters, error):
    simulator.install(fault, path="/etf-global/*", **parameters)
    with pytest.raises(error):
        source.etf_profiles(FRIDAY)
    simulator.clear_faults()
    assert source.etf_profiles(FRIDAY).height > 200
