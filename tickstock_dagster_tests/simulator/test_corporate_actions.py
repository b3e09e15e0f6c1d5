"""Splits and dividends, and the adjusted prices that follow from them."""

from datetime import UTC, datetime

import pytest

from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import all_rows, ask, day_range, eastern_day

SPLITS, OLD_SPLITS = "/stocks/v1/splits", "/v3/reference/splits"
DIVIDENDS, OLD_DIVIDENDS = "/stocks/v1/dividends", "/v3/reference/dividends"


@pytest.mark.parametrize("ticker", ["AAPL", "SPLT", "RSPL", "NVDA"])
def test_adjusted_bars_are_raw_ones_times_the_factor_of_the_next_split(shared: RunningSimulator, ticker: str) -> None:
    first, last = "2013-01-02", "2026-11-20"
    raw = ask(shared, day_range(ticker, first, last), adjusted="false").rows
    adjusted = ask(shared, day_range(ticker, first, last), adjusted="true").rows
    splits = sorted(all_rows(shared, SPLITS, ticker=ticker), key=lambda row: row["execution_date"])
    assert len(raw) == len(adjusted) > 2_000
    for before, after in zip(raw[::50], adjusted[::50], strict=True):
        day = eastern_day(before["t"]).isoformat()
        factor = next((row["historical_adjustment_factor"] for row in splits if row["execution_date"] > day), 1.0)
        for name in ("o", "h", "l", "c", "vw"):
            assert after[name] == pytest.approx(before[name] * factor, rel=2e-5, abs=1e-4)
        assert after["v"] == pytest.approx(before["v"] / factor, rel=1e-4)


def test_bars_are_adjusted_unless_told_otherwise_and_only_for_splits_that_happened(own: RunningSimulator) -> None:
    path = day_range("SPLT", "2026-09-01", "2026-09-01")
    raw = ask(own, path, adjusted="false").rows[0]["c"]
    assert ask(own, path).rows[0]["c"] == pytest.approx(raw / 3, abs=1e-4)
    own.set_now(datetime(2026, 9, 13, 12, tzinfo=UTC))
    assert ask(own, path).rows[0]["c"] == raw


def test_a_split_is_announced_before_it_happens(own: RunningSimulator) -> None:
    own.set_now(datetime(2026, 9, 4, 12, tzinfo=UTC))
    assert [row["execution_date"] for row in ask(own, SPLITS, ticker="SPLT").rows] == ["2026-09-14"]
    own.set_now(datetime(2026, 8, 4, 12, tzinfo=UTC))
    assert ask(own, SPLITS, ticker="SPLT").rows == []


def test_split_rows_read_as_the_vendor_writes_them(shared: RunningSimulator) -> None:
    (row,) = ask(shared, SPLITS, ticker="RSPL").rows
    assert row | {"id": ""} == {
        "id": "",
        "ticker": "RSPL",
        "execution_date": "2026-06-15",
        "split_from": 10,
        "split_to": 1,
        "adjustment_type": "reverse_split",
        "historical_adjustment_factor": 10.0,
    }
    (old,) = ask(shared, OLD_SPLITS, ticker="RSPL").rows
    assert old == {name: row[name] for name in ("id", "ticker", "execution_date", "split_from", "split_to")}


def test_splits_of_before_a_rename_stand_under_the_later_ticker(shared: RunningSimulator) -> None:
    assert len(ask(shared, SPLITS, ticker="FBYY").rows) == 2
    assert ask(shared, SPLITS, ticker="FBXX").rows == []


def test_new_lists_sort_by_several_fields_and_filter_by_sets_and_ranges(shared: RunningSimulator) -> None:
    newest = [row["execution_date"] for row in all_rows(shared, SPLITS, limit=9)]
    assert newest == sorted(newest, reverse=True)
    rows = all_rows(
        shared,
        SPLITS,
        ticker__any_of="AAPL,NVDA",
        execution_date__gte="2014-01-01",
        execution_date__lt="2024-06-10",
        sort="ticker.asc,execution_date.desc",
    )
    assert [(row["ticker"], row["execution_date"]) for row in rows] == [
        ("AAPL", "2020-08-31"),
        ("AAPL", "2014-06-09"),
        ("NVDA", "2021-07-20"),
    ]
    assert {row["adjustment_type"] for row in ask(shared, SPLITS, adjustment_type="reverse_split").rows} == {
        "reverse_split"
    }


@pytest.mark.parametrize(
    "query", [{"sort": "price.asc"}, {"sort": "ticker.up"}, {"execution_date__gte": "soon"}, {"limit": "5001"}]
)
def test_wrong_parameters_of_new_lists_are_refused(shared: RunningSimulator, query: dict[str, str]) -> None:
    assert ask(shared, SPLITS, **query).status == 400


def test_every_page_of_dividends_is_there_once_in_the_default_order(shared: RunningSimulator) -> None:
    query = {"ex_dividend_date__gte": "2026-01-01", "ex_dividend_date__lte": "2026-06-30"}
    rows = all_rows(shared, DIVIDENDS, limit=37, **query)
    assert len(rows) > 150
    assert len({row["id"] for row in rows}) == len(rows)
    assert [row["ticker"] for row in rows] == sorted(row["ticker"] for row in rows)
    assert rows == all_rows(shared, DIVIDENDS, limit=5000, **query)
    assert all("2026-01-01" <= row["ex_dividend_date"] <= "2026-06-30" for row in rows)


def test_dividends_count_from_their_declaration_and_in_shares_of_their_day(shared: RunningSimulator) -> None:
    rows = all_rows(shared, DIVIDENDS, ticker="AAPL", sort="ex_dividend_date.asc", limit=1000)
    assert max(row["declaration_date"] for row in rows) <= "2026-11-22"
    early = next(row for row in rows if row["ex_dividend_date"] > "2015-01-01")
    assert early["split_adjusted_cash_amount"] == pytest.approx(early["cash_amount"] / 4, abs=1e-6)
    factors = [row["historical_adjustment_factor"] for row in rows]
    assert factors == sorted(factors)
    assert factors[-1] < 1
    assert {row["frequency"] for row in rows} == {4}
    assert ask(shared, DIVIDENDS, frequency="often").status == 400


def test_the_deprecated_dividends_have_their_own_columns_and_limits(shared: RunningSimulator) -> None:
    reply = ask(shared, OLD_DIVIDENDS, ticker="KO", cash_amount__gt="0.001", dividend_type="CD")
    assert len(reply.rows) == 10
    assert not {"split_adjusted_cash_amount", "distribution_type"} & set(reply.rows[0])
    assert reply.rows[0]["ex_dividend_date"] > reply.rows[-1]["ex_dividend_date"]
    assert ask(shared, OLD_DIVIDENDS, limit="1001").status == 400
