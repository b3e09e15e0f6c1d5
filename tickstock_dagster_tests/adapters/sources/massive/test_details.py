"""Details of one ticker: how an answer is read, and the real client against the simulator."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import orjson
import pytest

from tickstock_dagster.adapters.sources.massive import values
from tickstock_dagster.adapters.sources.massive.details import ticker_details
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError, NotFoundError, TickerDetails
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.loading.vendor_plans import VendorPlan, vendor_plan
from tickstock_dagster.simulator.testing import RunningSimulator

EVENING = datetime(2026, 11, 20, 22, tzinfo=UTC)
QUICK = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)
WIDE = VendorPlan(**{**{name: getattr(vendor_plan("starter"), name) for name in VendorPlan.__slots__}, "calls": 10_000})


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with RunningSimulator(now=EVENING, rate=(100_000, 1)) as simulator:
        simulator.vendor.wait_for_tape()
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> RunningSimulator:
    running.reset()
    return running


@pytest.fixture
def source(simulator: RunningSimulator) -> Iterator[MassiveSource]:
    opened = MassiveSource(simulator.key, simulator.url, WIDE, LocalRateLimiter(WIDE), policy=QUICK)
    yield opened
    opened.close()


def body(**changed: object) -> bytes:
    return orjson.dumps({"status": "OK", "results": {"ticker": "ABCD", **changed}})


def test_everything_that_an_answer_holds_is_read():
    answer = ticker_details(
        body(
            name="Abcd Corp",
            type="CS",
            primary_exchange="XNAS",
            cik="0001234567",
            composite_figi="BBG000000001",
            sic_code="3570",
            sic_description="COMPUTER & OFFICE EQUIPMENT",
            share_class_shares_outstanding=1_000_000,
            weighted_shares_outstanding=2_000_000,
            market_cap=12_500_000.5,
            list_date="1999-01-04",
            description="Makes things. ",
        ),
        "ABCD",
    )
    assert answer.rows == 1
    assert answer.details == TickerDetails(
        "ABCD",
        "Abcd Corp",
        "CS",
        "XNAS",
        "0001234567",
        "BBG000000001",
        "3570",
        "COMPUTER & OFFICE EQUIPMENT",
        1_000_000,
        12_500_000.5,
        date(1999, 1, 4),
        "Makes things.",
    )


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        ({"weighted_shares_outstanding": 7_000.4}, 7_000),
        ({"share_class_shares_outstanding": 0, "weighted_shares_outstanding": 9}, 9),
        ({"share_class_shares_outstanding": -5}, None),
        ({"share_class_shares_outstanding": None}, None),
        ({}, None),
    ],
)
def test_shares_of_all_classes_stand_in_and_none_are_not_known(given, shares):
    details = ticker_details(body(**given), "ABCD").details
    assert details.shares_outstanding == shares
    assert (details.name, details.market_cap, details.list_date) == (None, None, None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>Bad Gateway</html>", "a web page"),
        (orjson.dumps({"status": "OK"}), "instead of an object"),
        (orjson.dumps({"status": "OK", "results": []}), "instead of an object"),
        (orjson.dumps({"status": "ERROR", "results": {"ticker": "ABCD"}}), "status"),
        (orjson.dumps({"status": "OK", "results": {"ticker": "ABCE"}}), "details of 'ABCE' instead of ABCD"),
        (orjson.dumps({"status": "OK", "results": {"name": "A"}}), "details of None instead of ABCD"),
    ],
)
def test_what_cannot_be_read_or_is_about_something_else_is_malformed(answer, words):
    with pytest.raises(MalformedAnswerError, match=words):
        ticker_details(answer, "ABCD")


def test_a_value_that_is_odd_is_left_out_and_named_alone():
    answer = ticker_details(
        body(name=7, market_cap="big", share_class_shares_outstanding=True, list_date="soon", type="CS"), "ABCD"
    )
    details = answer.details
    assert (details.name, details.market_cap, details.shares_outstanding, details.list_date) == (None,) * 4
    assert details.equity_type == "CS"
    [line] = answer.odd
    for words in ("name is 7 instead of text", "market_cap is 'big'", "is True instead of", "'soon' is not a date"):
        assert words in line


def test_codes_that_come_as_numbers_are_codes():
    details = ticker_details(body(sic_code=111, cik=320193, description="a\x00b"), "ABCD").details
    assert (details.sic_code, details.cik, details.description) == ("0111", "0000320193", "a\\u0000b")


def test_details_are_one_call_and_any_spelling_asks_for_the_same(source):
    details = source.ticker_details("brk-b")
    assert (details.ticker, details.equity_type, details.primary_exchange) == ("BRK.B", "CS", "XNYS")
    assert details.sic_code == "6021"
    assert details.market_cap > 1e9
    assert details.shares_outstanding > 1e6
    (call,) = source.drain_calls()
    assert (call.endpoint, call.rows, call.outcome) == ("/v3/reference/tickers/BRK.B", 1, "ok")


def test_a_past_day_has_the_shares_of_that_day_and_its_holder(source):
    before, after = (source.ticker_details("AAPL", on=date(2020, 8, day)) for day in (28, 31))
    assert after.shares_outstanding == pytest.approx(4 * before.shares_outstanding, rel=1e-9)
    assert after.market_cap == pytest.approx(before.market_cap, rel=0.15)
    old, new = (source.ticker_details("RUSE", on=day) for day in (date(2018, 5, 1), date(2026, 11, 20)))
    assert old.composite_figi != new.composite_figi


def test_a_ticker_that_nobody_holds_then_is_not_found(source):
    for ticker, day in (("NOSUCH", None), ("GONE", None), ("IPOX", date(2026, 10, 14))):
        with pytest.raises(NotFoundError, match=f"details of {ticker}"):
            source.ticker_details(ticker, on=day)


def test_an_answer_about_another_ticker_is_refused_and_one_cut_short_asked_for_again(simulator, source):
    simulator.install("other_ticker", path="/v3/reference/tickers/*", answers="MSFT")
    with pytest.raises(MalformedAnswerError, match="details of 'MSFT' instead of AAPL"):
        source.ticker_details("AAPL")
    simulator.clear_faults()
    source.drain_calls()
    simulator.install("cut_body", path="/v3/reference/tickers/*", times=1)
    simulator.install("rate_limit_storm", path="/v3/reference/tickers/*", times=1)
    assert source.ticker_details("AAPL").ticker == "AAPL"
    assert [call.outcome for call in source.drain_calls()] == ["RateLimitedError", "MalformedAnswerError", "ok"]


@pytest.mark.parametrize(
    "value",
    [
        None, "", "2024-01-05", "2024-01-05T16:00:00-05:00", "2024-02-30", "2024-1-5", "20240105", "2024-01-05x",
        "٢٠٢٤-01-05", "soon", 7, True, 1.5, 10**400, float("nan"), ["2024-01-05"], "a\x00b", {},
    ],
)  # fmt: skip
def test_a_value_of_one_row_is_read_as_a_columns(value: object) -> None:
    row = {"field": value}
    pairs = (
        (values.day_of, values.days), (values.number_of, values.numbers), (values.text_of, values.texts),
    )  # fmt: skip
    for of_one, of_all in pairs:
        odd, odd_in_column = values.Oddities(), values.Oddities()
        assert of_one(row, "field", odd) == of_all([row], "field", "field", odd_in_column)[0]
        assert odd.of(0) == odd_in_column.of(0)
