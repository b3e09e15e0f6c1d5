"""The vendor's own client against the simulator: what it decodes, retries and raises is what real users see."""

import itertools
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import orjson
import pytest
import urllib3
from massive import RESTClient
from massive.exceptions import BadResponse

from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import EASTERN, FRIDAY, eastern_day


def client(simulator: RunningSimulator, key: str = "simulator", **options: Any) -> RESTClient:
    return RESTClient(key, base=simulator.url, **options)


def refused(call: Callable[[], object]) -> dict[str, str]:
    """The JSON that came with a `BadResponse`."""
    with pytest.raises(BadResponse) as caught:
        call()
    return orjson.loads(str(caught.value))


def test_day_bars_start_at_midnight_in_new_york(shared: RunningSimulator) -> None:
    bars = client(shared).get_aggs("AAPL", 1, "day", "2026-10-26", "2026-11-06", adjusted=False, limit=50_000)
    assert [eastern_day(bar.timestamp).day for bar in bars] == [26, 27, 28, 29, 30, 2, 3, 4, 5, 6]
    # New York left daylight saving time on 2026-11-01
    hours = {bar.timestamp // 3_600_000 % 24 for bar in bars}
    assert hours == {4, 5}
    assert all(bar.low <= bar.vwap <= bar.high and bar.transactions >= 1 for bar in bars)


def test_whole_volumes_come_as_whole_numbers_and_as_floats(shared: RunningSimulator) -> None:
    bars = client(shared).get_aggs("AAPL", 1, "day", "2025-10-27", "2025-11-07", adjusted=False)
    assert {type(bar.volume) for bar in bars} == {int, float}
    assert all(bar.volume == int(bar.volume) for bar in bars)


def test_a_grouped_day_is_stamped_at_the_usual_close(shared: RunningSimulator) -> None:
    for day in (FRIDAY, date(2025, 11, 28)):  # the second is a half day
        bars = client(shared).get_grouped_daily_aggs(day)
        assert len(bars) > 140
        (moment,) = {bar.timestamp for bar in bars}
        assert datetime.fromtimestamp(moment / 1000, EASTERN) == datetime(
            day.year, day.month, day.day, 16, tzinfo=EASTERN
        )
        tickers = [bar.ticker for bar in bars]
        assert tickers == sorted(set(tickers))


def test_a_grouped_day_agrees_with_the_ranges(shared: RunningSimulator) -> None:
    vendor = client(shared)
    day = {bar.ticker: bar for bar in vendor.get_grouped_daily_aggs(FRIDAY, adjusted=False)}
    for ticker in ("AAPL", "BRK.A", "ABCpA", "SPY"):
        (bar,) = vendor.get_aggs(ticker, 1, "day", FRIDAY, FRIDAY, adjusted=False)
        same = day[ticker]
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
            same.open,
            same.high,
            same.low,
            same.close,
            same.volume,
        )


@pytest.mark.parametrize("day", ["2026-11-21", "2026-11-26", "2025-01-09"])
def test_a_closed_market_day_is_an_empty_list(shared: RunningSimulator, day: str) -> None:
    assert client(shared).get_grouped_daily_aggs(day) == []


def test_the_previous_day_is_the_latest_published_one(shared: RunningSimulator) -> None:
    (bar,) = client(shared).get_previous_close_agg("MSFT")
    assert bar.ticker == "MSFT"
    assert eastern_day(bar.timestamp) == FRIDAY


def test_open_and_close_of_a_day(shared: RunningSimulator) -> None:
    vendor = client(shared)
    day = vendor.get_daily_open_close_agg("AAPL", "2026-11-20", adjusted=False)
    (bar,) = vendor.get_aggs("AAPL", 1, "day", "2026-11-20", "2026-11-20", adjusted=False)
    assert (day.symbol, day.from_, day.open, day.close) == ("AAPL", "2026-11-20", bar.open, bar.close)
    assert refused(lambda: vendor.get_daily_open_close_agg("AAPL", "2026-11-21"))["message"] == "Data not found."


def test_pages_follow_each_other_until_the_list_ends(shared: RunningSimulator) -> None:
    before = shared.stats()["by_endpoint"].get("/v3/reference/tickers", 0)
    first = list(itertools.islice(client(shared).list_tickers(limit=10), 25))
    assert shared.stats()["by_endpoint"]["/v3/reference/tickers"] - before == 3
    tickers = [row.ticker for row in client(shared).list_tickers(limit=50)]
    assert tickers[:25] == [row.ticker for row in first]
    assert tickers == sorted(set(tickers))
    assert len(tickers) == len(list(client(shared).list_tickers(limit=1000)))


def test_day_bars_page_by_a_cursor_that_keeps_the_parameters(shared: RunningSimulator) -> None:
    vendor = client(shared)
    whole = vendor.get_aggs("AAPL", 1, "day", "2020-01-02", "2020-12-31", adjusted=False, sort="desc")
    paged = list(vendor.list_aggs("AAPL", 1, "day", "2020-01-02", "2020-12-31", adjusted=False, sort="desc", limit=100))
    assert len(whole) == 253
    assert paged == whole


def test_minute_bars_add_up_to_their_day(shared: RunningSimulator) -> None:
    vendor = client(shared)
    (day,) = vendor.get_aggs("SPY", 1, "day", "2026-11-20", "2026-11-20", adjusted=False)
    minutes = list(vendor.list_aggs("SPY", 1, "minute", "2026-11-20", "2026-11-20", adjusted=False, limit=100))
    assert len(minutes) == 390
    assert (minutes[0].open, minutes[-1].close) == (day.open, day.close)
    assert (max(bar.high for bar in minutes), min(bar.low for bar in minutes)) == (day.high, day.low)
    assert 0.9 * day.volume < sum(bar.volume for bar in minutes) <= day.volume
    assert minutes[0].timestamp == 1795185000000  # 09:30 in New York
    half_day = vendor.get_aggs("SPY", 1, "minute", "2025-11-28", "2025-11-28", sort="desc")
    assert len(half_day) == 210
    assert half_day[0].timestamp > half_day[-1].timestamp


def test_an_unknown_ticker_is_not_found_but_has_empty_bars(shared: RunningSimulator) -> None:
    vendor = client(shared)
    assert refused(lambda: vendor.get_ticker_details("NOPE")) | {"request_id": ""} == {
        "status": "NOT_FOUND",
        "request_id": "",
        "message": "Ticker not found.",
    }
    assert refused(lambda: vendor.get_ticker_events("NOPE"))["status"] == "NOT_FOUND"
    assert vendor.get_aggs("NOPE", 1, "day", "2026-11-16", "2026-11-20") == []
    assert vendor.get_aggs("aapl", 1, "day", "2026-11-16", "2026-11-20") == []


def test_an_unknown_key_and_a_missing_one(shared: RunningSimulator) -> None:
    answer = refused(lambda: client(shared, key="wrong").get_previous_close_agg("AAPL"))
    assert (answer["status"], answer["error"]) == ("ERROR", "Unknown API Key")
    answer = refused(lambda: client(shared, key="").get_previous_close_agg("AAPL"))
    assert answer["error"] == "API Key was not provided"


def test_partner_data_is_not_in_any_plan(shared: RunningSimulator) -> None:
    answer = refused(lambda: list(client(shared).get_etf_global_profiles()))
    assert answer["status"] == "NOT_AUTHORIZED"
    assert answer["message"].startswith("You are not entitled to this data")


def test_bars_older_than_the_plan_are_refused() -> None:
    with RunningSimulator(plan="starter") as simulator:
        answer = refused(lambda: client(simulator).get_aggs("AAPL", 1, "day", "2015-01-02", "2015-02-02"))
    assert answer["message"].startswith("Your plan doesn't include this data timeframe")


def test_a_limit_above_the_maximum_is_refused(shared: RunningSimulator) -> None:
    vendor = client(shared)
    for call in (
        lambda: list(vendor.list_tickers(limit=1001)),
        lambda: vendor.get_aggs("AAPL", 1, "day", "2026-11-16", "2026-11-20", limit=50_001),
        lambda: list(vendor.list_stocks_splits(limit=5001)),
        lambda: list(vendor.list_splits(limit=1001)),
    ):
        answer = refused(call)
        assert answer["status"] == "ERROR"
        assert "limit" in answer["error"].lower()


def test_an_inverted_range_is_refused(shared: RunningSimulator) -> None:
    answer = refused(lambda: client(shared).get_aggs("AAPL", 1, "day", "2026-11-20", "2026-11-16"))
    assert answer["error"] == "The parameter 'to' cannot be a time that occurs before 'from'"


def test_the_sixth_call_in_a_minute_on_the_free_plan_outlasts_the_clients_retries() -> None:
    with RunningSimulator(plan="free") as simulator:
        vendor = client(simulator)
        for _ in range(5):
            vendor.get_previous_close_agg("AAPL")
        with pytest.raises(urllib3.exceptions.MaxRetryError, match="too many 429"):
            vendor.get_previous_close_agg("AAPL")
        assert simulator.stats()["by_status"] == {"200": 5, "429": 4}


def test_the_client_survives_one_429_and_one_502(own: RunningSimulator) -> None:
    own.install("rate_limit_storm", times=1)
    own.install("server_error", status=502, times=1)
    assert len(client(own).get_previous_close_agg("AAPL")) == 1
    assert own.stats()["by_status"] == {"429": 1, "502": 1, "200": 1}


def test_reference_lists_decode(shared: RunningSimulator) -> None:
    vendor = client(shared)
    assert {"CS", "ETF", "ETV", "UNIT"} <= {kind.code for kind in vendor.get_ticker_types()}
    exchanges = vendor.get_exchanges()
    assert {"XNYS", "XNAS", "XASE", "ARCX", "BATS"} <= {exchange.mic for exchange in exchanges}
    assert [exchange.id for exchange in exchanges].count(4) == 2
    assert vendor.get_exchanges(asset_class="crypto") == []


def test_the_key_may_stand_in_the_query(shared: RunningSimulator) -> None:
    url = f"{shared.url}/v2/aggs/ticker/AAPL/prev?apiKey=simulator"
    assert urllib3.request("GET", url).json()["results"][0]["T"] == "AAPL"
