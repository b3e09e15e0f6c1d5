"""What a user of the source sees of each fault of the simulator, and that nothing is lost by it."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tickstock_dagster.adapters.sources import protocol as errors
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.bars.daily_bars import validate_bars
from tickstock_dagster.core.loading.vendor_plans import VendorPlan, vendor_plan
from tickstock_dagster.simulator.faults.catalogue import FAULTS
from tickstock_dagster.simulator.testing import RunningSimulator

FRIDAY_EVENING = datetime(2026, 11, 20, 22, tzinfo=UTC)
MON, THU, FRI, SAT, SUN = (date(2026, 11, day) for day in (16, 19, 20, 21, 22))
QUICK = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)
WIDE = VendorPlan(**{**{name: getattr(vendor_plan("starter"), name) for name in VendorPlan.__slots__}, "calls": 10_000})

Ask = Callable[[MassiveSource], pl.DataFrame]


def aapl(source: MassiveSource) -> pl.DataFrame:
    return source.range_bars("AAPL", MON, FRI)


def market(source: MassiveSource) -> pl.DataFrame:
    return source.grouped_bars(FRI)


def tickers(source: MassiveSource) -> pl.DataFrame:
    return source.listings()


def splits(source: MassiveSource) -> pl.DataFrame:
    return source.splits(date(2026, 1, 1), FRI)


def dividends(source: MassiveSource) -> pl.DataFrame:
    return source.dividends(date(2026, 11, 1), FRI)


EVERYTHING = (aapl, market, tickers, splits, dividends)


def open_on(simulator: RunningSimulator, **options: float) -> MassiveSource:
    limiter = LocalRateLimiter(WIDE)
    return MassiveSource(simulator.key, simulator.url, WIDE, limiter, name="simulator", policy=QUICK, **options)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with RunningSimulator(now=FRIDAY_EVENING, rate=(100_000, 1)) as simulator:
        warming = open_on(simulator)
        for ask in EVERYTHING:
            ask(warming)
        warming.close()
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> Iterator[RunningSimulator]:
    running.clear_faults()
    running.reset_stats()
    running.set_now(FRIDAY_EVENING)
    yield running
    running.clear_faults()


@pytest.fixture
def source(simulator: RunningSimulator) -> Iterator[MassiveSource]:
    opened = open_on(simulator)
    yield opened
    opened.close()


def outcomes(source: MassiveSource) -> list[str]:
    return [call.outcome for call in source.drain_calls()]


PASSING = [
    ("rate_limit_storm", {}, errors.RateLimitedError, "answered 429: You've exceeded the maximum requests per minute"),
    ("server_error", {"status": 500}, errors.UpstreamError, "answered 500: a page titled '500"),
    ("server_error", {"status": 502}, errors.UpstreamError, "answered 502: a page titled '502"),
    ("server_error", {"status": 503}, errors.UpstreamError, "answered 503: a page titled '503"),
    ("server_error", {"status": 504}, errors.UpstreamError, "answered 504: a page titled '504"),
    ("connection_drop", {}, errors.UpstreamError, "cannot be reached: "),
    (
        "cut_body",
        {},
        errors.MalformedAnswerError,
        r"the answer cannot be used: the body is cut or not JSON \(\d+ bytes\)",
    ),
    ("cut_body", {"short": True}, errors.MalformedAnswerError, "its body was cut or garbled on the way"),
    ("null_results", {}, errors.MalformedAnswerError, "the answer cannot be used: no results, and "),
]


@pytest.mark.parametrize(("fault", "parameters", "kind"), [case[:3] for case in PASSING])
@pytest.mark.parametrize("ask", EVERYTHING)
def test_a_fault_that_passes_is_waited_out_and_costs_only_the_calls(simulator, source, ask, fault, parameters, kind):
    before = ask(source)
    source.drain_calls()
    simulator.install(fault, times=1, **parameters)
    assert_frame_equal(ask(source), before)
    assert outcomes(source) == [kind.__name__, "ok"]


@pytest.mark.parametrize(("fault", "parameters", "kind", "words"), PASSING)
def test_a_fault_that_stays_is_told_after_the_last_attempt(simulator, source, fault, parameters, kind, words):
    simulator.install(fault, **parameters)
    with pytest.raises(kind, match=r"^simulator: bars of AAPL 2026-11-16\.\.2026-11-20: .*" + words):
        aapl(source)
    assert outcomes(source) == [kind.__name__] * 3


def test_an_answer_that_does_not_come_in_time_is_asked_for_again_and_told_in_the_end(simulator):
    impatient = open_on(simulator, read_timeout=1.0)
    simulator.install("timeout", seconds=1.5, times=4)
    with pytest.raises(errors.UpstreamError, match=r"bars of AAPL .* the vendor did not answer within 1 s"):
        aapl(impatient)
    assert aapl(impatient).height == 5
    impatient.close()
    assert outcomes(impatient) == ["UpstreamError"] * 4 + ["ok"]


def test_the_wait_that_the_vendor_asks_for_is_kept(simulator, source):
    simulator.install("rate_limit_storm", times=1, retry_after=1)
    assert aapl(source).height == 5
    first, second = source.drain_calls()
    assert second.called_at - first.called_at >= 1


REFUSED = [
    ("not_entitled", errors.NotEntitledError, "answered 403: You are not entitled to this data"),
    ("out_of_history", errors.OutOfHistoryError, "answered 403: Your plan doesn't include this data timeframe"),
    (
        "before_end_of_day",
        errors.NotPublishedYetError,
        "answered 403: Attempted to request today's data before end of day",
    ),
]


@pytest.mark.parametrize(("fault", "kind", "words"), REFUSED)
@pytest.mark.parametrize("ask", EVERYTHING)
def test_a_refusal_is_told_at_once_and_never_asked_again(simulator, source, ask, fault, kind, words):
    simulator.install(fault)
    with pytest.raises(kind, match=words):
        ask(source)
    # A refused range is tried from later days on, since the plan may reach a part of it.
    assert simulator.stats()["total"] == (3 if ask is aapl and kind is errors.OutOfHistoryError else 1)


@pytest.mark.parametrize("ask", [aapl, market])
def test_an_answer_of_another_day_is_malformed(simulator, source, ask):
    simulator.install("other_day")
    with pytest.raises(errors.MalformedAnswerError, match=r"a row of 2026-11-1\d, outside"):
        ask(source)


def test_an_answer_of_other_days_inside_a_long_range_is_malformed(simulator, source):
    simulator.install("other_day", shift_days=1)
    with pytest.raises(errors.MalformedAnswerError, match="weekend days, so the days of all are in doubt"):
        source.range_bars("AAPL", date(2026, 6, 1), SUN)


def test_an_answer_about_another_ticker_is_malformed(simulator, source):
    simulator.install("other_ticker")
    with pytest.raises(errors.MalformedAnswerError, match="an answer about 'ZZZZ' instead of AAPL"):
        aapl(source)
    with pytest.raises(errors.MalformedAnswerError, match="a row of 'ZZZZ' instead of AAPL"):
        source.listings(tickers=["AAPL"])


def test_a_market_row_under_another_ticker_is_a_row_of_that_ticker(simulator, source):
    simulator.install("other_ticker", ticker="AAPL")
    assert {"AAPL", "ZZZZ"} & set(market(source)["ticker"]) == {"ZZZZ"}


def test_an_empty_answer_that_says_it_is_empty_has_no_rows_but_an_empty_list_of_tickers_cannot_be(simulator, source):
    simulator.install("empty_200")
    assert [ask(source).height for ask in (aapl, market, splits, dividends)] == [0, 0, 0, 0]
    with pytest.raises(errors.MalformedAnswerError, match="the list of active tickers is empty"):
        tickers(source)
    with pytest.raises(errors.MalformedAnswerError, match=r"ticker changes of META: .* no list of events"):
        source.ticker_changes("META")
    assert not source.publication(FRI).published


@pytest.mark.parametrize("ask", [aapl, market])
def test_repeated_rows_come_through_and_count_once_in_validation(simulator, source, ask):
    before = ask(source)
    simulator.install("duplicate_rows")
    doubled = ask(source)
    assert doubled.height == 2 * before.height
    assert_frame_equal(validate_bars(doubled).good, validate_bars(before).good)


@pytest.mark.parametrize("ask", [aapl, market])
def test_contradicting_rows_come_through_and_are_both_rejected_in_validation(simulator, source, ask):
    before = ask(source)
    simulator.install("contradicting_rows", ticker="AAPL", day=FRI)
    judged = validate_bars(ask(source))
    assert judged.good.height == before.height - 1
    assert judged.rejected["reason"].to_list() == ["two different rows for one session"] * 2


def test_a_saturday_bar_is_a_row_inside_the_range_and_malformed_outside(simulator, source):
    simulator.install("saturday_bar")
    assert source.range_bars("AAPL", MON, SUN)["session"].to_list()[-2:] == [FRI, SAT]
    with pytest.raises(errors.MalformedAnswerError, match=r"a row of 2026-11-21, outside 2026-11-16\.\.2026-11-20"):
        aapl(source)
    assert source.grouped_bars(SAT).select("ticker", "session").rows() == [("AAPL", SAT)]


def test_a_late_day_is_absent_and_not_published_until_it_comes(simulator, source):
    simulator.install("late_day", day=FRI)
    assert aapl(source)["session"].max() == THU
    assert market(source).is_empty()
    late = source.publication(FRI)
    assert (late.published, late.reason) == (False, "simulator: no bar of SPY on 2026-11-20 yet")
    simulator.clear_faults()
    assert source.publication(FRI).published
    assert aapl(source)["session"].max() == FRI


def test_a_replaced_day_is_read_as_it_is_now(simulator, source):
    simulator.install("replaced_day", day=FRI, factor=1.01)
    first, second = aapl(source), aapl(source)
    assert second["close"][-1] == pytest.approx(first["close"][-1] * 1.01, abs=1e-3)
    assert_frame_equal(first[:-1], second[:-1])


def test_missing_symbols_are_absent_and_nothing_else(simulator, source):
    before = market(source)
    simulator.install("missing_symbols", tickers=("AAPL", "MSFT"))
    assert set(before["ticker"]) - set(market(source)["ticker"]) == {"AAPL", "MSFT"}


def test_a_half_applied_split_comes_through_and_is_rejected_in_validation(simulator, source):
    simulator.install("half_applied_split", ticker="AAPL", day=FRI)
    [reason] = validate_bars(aapl(source)).rejected["reason"].to_list()
    assert "high is below low" in reason


def test_a_delayed_status_is_a_good_answer(simulator, source):
    before = [ask(source) for ask in EVERYTHING]
    simulator.install("delayed_status")
    for ask, expected in zip(EVERYTHING, before, strict=True):
        assert_frame_equal(ask(source), expected)


def test_every_fault_of_the_simulator_is_tested_here(request):
    tested = {fault for fault, *_ in PASSING} | {fault for fault, *_ in REFUSED}
    text = request.path.read_text()
    tested |= {fault for fault in FAULTS if f'install("{fault}"' in text}
    assert tested == set(FAULTS)
