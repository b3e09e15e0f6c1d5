"""The option `rough`: what the vendor's answers have and careless readers do not expect; our client reads it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import polars as pl
import pytest

from tickstock_dagster.core.bars.daily_bars import validate_bars
from tickstock_dagster.core.securities.tickers import canonical_ticker
from tickstock_dagster.simulator.endpoints.rough import ODD_TICKERS
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import quick_source
from tickstock_dagster_tests.simulator.asking import ask

EVENING = datetime(2026, 11, 20, 22, tzinfo=UTC)
FRI = date(2026, 11, 20)


@pytest.fixture(scope="module")
def rough() -> Iterator[RunningSimulator]:
    with RunningSimulator(plan="business", rough=True, now=EVENING, rate=(100_000, 1)) as running:
        running.vendor.wait_for_tape()
        yield running


@pytest.fixture(scope="module")
def kind() -> Iterator[RunningSimulator]:
    with RunningSimulator(plan="business", now=EVENING, rate=(100_000, 1)) as running:
        running.vendor.wait_for_tape()
        yield running


def test_a_rough_market_prints_the_same_bars_and_our_client_reads_their_parts_of_shares(
    rough: RunningSimulator, kind: RunningSimulator
) -> None:
    here, there = (quick_source(one, "business").grouped_bars(FRI) for one in (rough, kind))
    assert here.equals(there)
    assert here.select((pl.col("volume") % 1 != 0).mean()).item() == pytest.approx(0.91, abs=0.06)
    good = validate_bars(here)
    assert good.rejected.is_empty()
    assert (good.good["volume"] >= 1).all()
    printed = good.good.select(pl.coalesce("volume_printed", "volume")).to_series()
    assert printed.equals(here["volume"], check_names=False)
    again = quick_source(rough, "business").range_bars("AAPL", FRI, FRI)["volume"][0]
    assert again == here.filter(pl.col("ticker") == "AAPL")["volume"][0]


def test_many_have_no_figi_and_the_odd_suffixes_are_listed(rough: RunningSimulator, kind: RunningSimulator) -> None:
    here, there = (quick_source(one, "business").listings() for one in (rough, kind))
    common = here.filter(~pl.col("ticker").is_in(ODD_TICKERS))
    assert common["ticker"].to_list() == there["ticker"].to_list()
    assert there["composite_figi"].null_count() == 0
    assert 0.08 < common["composite_figi"].null_count() / common.height < 0.3
    assert set(ODD_TICKERS) <= set(here["ticker"])
    assert [canonical_ticker(ticker) for ticker in ODD_TICKERS] == list(ODD_TICKERS)


def test_a_plans_history_begins_later_than_whole_years_say_and_the_client_finds_out() -> None:
    with RunningSimulator(plan="starter", rough=True, now=EVENING, rate=(100_000, 1)) as starter:
        source = quick_source(starter, "starter")
        bars = source.range_bars("AAPL", date(2021, 11, 21), FRI)
    assert bars["session"][0] == source.history_from == date(2021, 11, 24)


def test_snapshots_come_in_pages_with_the_fields_that_the_schema_requires(rough: RunningSimulator) -> None:
    reply = ask(rough, "/v3/snapshot?ticker.any_of=AAPL,MSFT,SPY&limit=2")
    assert [row["ticker"] for row in reply.rows] == ["AAPL", "MSFT"]
    required = {"change", "change_percent", "close", "high", "low", "open", "previous_close"}
    assert all(required <= set(row["session"]) for row in reply.rows)
    session = reply.rows[0]["session"]
    assert session["change"] == pytest.approx(session["close"] - session["previous_close"], abs=1e-3)
    rest = ask(rough, reply.json["next_url"].removeprefix(rough.url))
    assert [row["ticker"] for row in rest.rows] == ["SPY"]
    assert "next_url" not in rest.json


def test_a_limit_beyond_the_maximum_of_an_older_endpoint_is_refused_in_the_vendors_words(
    rough: RunningSimulator,
) -> None:
    reply = ask(rough, "/v3/reference/tickers?limit=1001")
    assert reply.status == 400
    assert reply.json["error"] == (
        "Failed to parse query parameters from URL: Key: 'ListTickersQueryParam.Limit' Error:Field validation for "
        "'Limit' failed on the 'max' tag"
    )
