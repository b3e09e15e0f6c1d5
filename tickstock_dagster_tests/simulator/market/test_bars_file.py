"""A file of bars served as if by the vendor."""

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from massive import RESTClient

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.market.bars_file import read_bars_file
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import all_rows, ask, day_range, eastern_day, grouped

ROWS = """symbol,date,open,high,low,close,volume
TRUE,2026-11-18,10.1,10.6,10.0,10.5,1250000
TRUE,2026-11-19,10.5,10.9,,10.8,998311.5
NA,2026-11-18,5,4,6,5,0
NA,2026-11-19,5,5.5,4.5,5,100
NA,2026-11-19,5,5.5,4.5,5,100
LATE,2026-11-19,20,21,19,20,300
LATE,2026-11-21,20,21,19,20,300
"""
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text(ROWS)
    return path


def test_rows_are_served_as_given_broken_ones_included(bars: Path) -> None:
    with RunningSimulator(bars=bars, now=NOON) as simulator:
        good, broken = ask(simulator, day_range("TRUE", "2026-11-18", "2026-11-20"), adjusted="true").rows
        assert {name: good[name] for name in "ohlcv"} == {"o": 10.1, "h": 10.6, "l": 10.0, "c": 10.5, "v": 1250000}
        assert (broken["l"], broken["v"]) == (None, 998311.5)
        assert not {"vw", "n"} & set(good)
        inverted, *twice = ask(simulator, day_range("NA", "2026-11-18", "2026-11-20")).rows
        assert (inverted["h"], inverted["l"], inverted["v"]) == (4, 6, 0)
        assert twice[0] == twice[1]
        assert [row["T"] for row in ask(simulator, grouped("2026-11-19")).rows] == ["LATE", "NA", "NA", "TRUE"]
        assert [row["T"] for row in ask(simulator, grouped("2026-11-21")).rows] == ["LATE"]
        assert ask(simulator, "/v2/aggs/ticker/TRUE/range/1/minute/2026-11-18/2026-11-19").json["resultsCount"] > 300


@pytest.mark.parametrize("volume", ["1e20", "1e22", "1e300", "-5", ""])
def test_no_volume_of_a_file_makes_an_answer_fail(tmp_path: Path, volume: str) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(f"symbol,date,open,high,low,close,volume\nAAA,2026-11-18,10,11,9,10,{volume}\n")
    with RunningSimulator(bars=path, now=NOON) as simulator:
        [bar] = ask(simulator, day_range("AAA", "2026-11-18", "2026-11-20")).rows
        assert bar["v"] == (float(volume) if volume else None)
        minutes = ask(simulator, "/v2/aggs/ticker/AAA/range/1/minute/2026-11-18/2026-11-18")
        grouped_day = ask(simulator, grouped("2026-11-18"))
    assert (minutes.status, grouped_day.status) == (200, 200)
    assert sum(row["v"] for row in minutes.json.get("results", [])) <= 1e15


def test_a_ticker_that_starts_late_is_listed_from_its_first_row_on(bars: Path) -> None:
    with RunningSimulator(bars=bars, now=NOON) as simulator:
        path = "/v3/reference/tickers"
        assert [row["ticker"] for row in ask(simulator, path, date="2026-11-18").rows] == ["NA", "TRUE"]
        listed = ask(simulator, path, date="2026-11-19").rows
        assert [(row["ticker"], row["type"], row["active"]) for row in listed] == [
            ("LATE", "CS", True),
            ("NA", "CS", True),
            ("TRUE", "CS", True),
        ]
        assert ask(simulator, f"{path}/LATE").json["results"]["list_date"] == "2026-11-19"
        details = ask(simulator, f"{path}/TRUE").json["results"]
        assert "list_date" not in details
        assert details["composite_figi"] == listed[2]["composite_figi"]
        assert ask(simulator, f"{path}/LATE", date="2026-11-18").status == 404
        assert ask(simulator, "/stocks/v1/splits").rows == []
        assert ask(simulator, "/stocks/v1/dividends").rows == []
        assert len(ask(simulator, "/vX/reference/tickers/TRUE/events").json["results"]["events"]) == 1


def test_parquet_takes_other_column_names_and_optional_columns(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    pl.DataFrame(
        {
            "ticker": ["AAA"],
            "session": [date(2026, 11, 18)],
            "open": [10.0],
            "high": [10.0],
            "low": [10.0],
            "close": [10.0],
            "volume": [100],
            "vwap": [10.0],
            "transactions": [7],
        }
    ).write_parquet(path)
    with RunningSimulator(bars=path, now=NOON) as simulator:
        (row,) = ask(simulator, day_range("AAA", "2026-11-18", "2026-11-18")).rows
    assert (row["vw"], row["n"]) == (10.0, 7)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bars.txt", ROWS, "a name that ends in .parquet, .pq, .csv"),
        ("bars.parquet", ROWS, "a whole Parquet or CSV file"),
        ("bars.csv", "", "a whole Parquet or CSV file"),
        ("bars.csv", "symbol,date,open,high,low,close,volume\n", "at least one row"),
        (
            "bars.csv",
            ROWS.replace("volume", "shares"),
            "column volume: 'volume' is not accepted: one of the file's columns",
        ),
        (
            "bars.csv",
            ROWS.replace("2026-11-18", "18.11.2026"),
            "line 2, column date: '18.11.2026' is not accepted: dates such as",
        ),
        ("bars.csv", ROWS.replace("10.6", "ten"), "line 2, column high: 'ten' is not accepted: numbers"),
        ("bars.csv", re.sub("(TRUE|NA|LATE),", ",", ROWS), "line 2, ticker: '' is not accepted: no ticker"),
    ],
)
def test_a_malformed_file_is_refused_by_name_and_column(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(BadInputError) as refused:
        read_bars_file(path)
    assert words in str(refused.value)
    assert path.name in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="an existing file, or a folder of files"):
        read_bars_file(tmp_path / "none.csv")


def test_splits_dividends_and_renames_beside_the_bars_are_served(tmp_path: Path) -> None:
    days = ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19"]
    closes = zip(("OLDN", "OLDN", "NEWN", "NEWN"), days, (100, 50, 50, 49), strict=True)
    rows = [f"{ticker},{day},{p},{p},{p},{p},1000" for ticker, day, p in closes]
    (tmp_path / "bars.csv").write_text("\n".join(["ticker,date,open,high,low,close,volume", *rows]) + "\n")
    (tmp_path / "names.csv").write_text("ticker,first,renamed_from\nOLDN,2020-01-02,\nNEWN,2026-11-18,OLDN\n")
    (tmp_path / "actions.csv").write_text("ticker,ex_date,ratio,cash_amount\nNEWN,2026-11-17,2,\nNEWN,2026-11-19,,1\n")
    text = Path(f"{tmp_path / 'bars.csv'}?listings=names.csv&actions=actions.csv")
    with RunningSimulator(bars=text, now=NOON) as simulator:
        [split] = ask(simulator, "/stocks/v1/splits").rows
        [dividend] = ask(simulator, "/stocks/v1/dividends").rows
        assert (split["ticker"], split["split_from"], split["split_to"]) == ("NEWN", 1, 2)
        assert (dividend["ticker"], dividend["cash_amount"]) == ("NEWN", 1)
        adjusted = ask(simulator, day_range("NEWN", "2026-11-18", "2026-11-19"), adjusted="true").rows
        assert [row["c"] for row in adjusted] == [50, 49]
        before = ask(simulator, day_range("OLDN", "2026-11-16", "2026-11-17"), adjusted="false").rows
        assert [row["c"] for row in before] == [100, 50]
        path = "/v3/reference/tickers"
        assert [row["ticker"] for row in ask(simulator, path, date="2026-11-17").rows] == ["OLDN"]
        assert [row["ticker"] for row in ask(simulator, path, date="2026-11-19").rows] == ["NEWN"]


@pytest.mark.real_data
def test_five_real_years_of_505_symbols_are_served_row_for_row() -> None:
    path = Path(os.environ["TICKSTOCK_REAL_DATA"]) / "sp500_5yr" / "sp500_5yr_2013_2018.parquet"
    given = pl.read_parquet(path)
    with RunningSimulator(bars=path, plan="advanced", rate=(100_000, 1)) as simulator:
        vendor = RESTClient("simulator", base=simulator.url)
        tickers = [row["ticker"] for row in all_rows(simulator, "/v3/reference/tickers", limit=1000)]
        served = [
            (ticker, eastern_day(bar.timestamp), bar.open, bar.high, bar.low, bar.close, bar.volume)
            for ticker in tickers
            for bar in vendor.get_aggs(ticker, 1, "day", "2013-02-08", "2018-02-07", adjusted=False, limit=50_000)
        ]
        calls = simulator.stats()["by_endpoint"]["/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}"]
        first_day = all_rows(simulator, "/v3/reference/tickers", limit=1000, date="2013-02-08")
    assert (len(tickers), calls, len(first_day)) == (505, 505, 476)
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    answer = pl.DataFrame(served, schema=columns, orient="row", infer_schema_length=None)
    expected = given.select(columns).with_columns(pl.col("volume").cast(pl.Float64)).sort("symbol", "date")
    assert answer.with_columns(pl.col("volume").cast(pl.Float64)).sort("symbol", "date").equals(expected)
