import gzip
from datetime import UTC, date, datetime

import polars as pl
import pytest

from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import LISTING_SCHEMA, NotFoundError, PermanentVendorError
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA, validate_bars
from tickstock_dagster.core.bars.file_options import FileOptions
from tickstock_dagster.core.errors import BadInputError

MON, TUE, WED = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
BARS = {
    "symbol": ["NA", "TRUE", "NAN", "CON", "brk-b", "BRK.B"],
    "date": [MON, MON, MON, MON, MON, TUE],
    "open": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    "high": [2.0, 2.0, 2.0, 2.0, 2.0, 2.0],
    "low": [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
    "close": [1.5, 1.5, 1.5, 1.5, 1.5, 1.5],
    "volume": [100, 100, 100, 100, 100, 100],
}
HEADER = "symbol,date,open,high,low,close,volume"


@pytest.fixture(params=["parquet", "csv", "csv.gz"])
def source(request, tmp_path):
    path = tmp_path / f"bars.{request.param}"
    frame = pl.DataFrame(BARS)
    if request.param == "parquet":
        frame.write_parquet(path)
    elif request.param == "csv":
        frame.write_csv(path)
    else:
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    return FileSource(path)


def csv(tmp_path, *lines, header=HEADER, **options):
    path = tmp_path / "bars.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return FileSource(path, FileOptions(**options))


def test_tickers_that_look_like_other_things_stay_tickers(source):
    assert source.grouped_bars(MON)["ticker"].to_list() == ["BRK.B", "CON", "NA", "NAN", "TRUE"]


def test_a_range_is_of_one_ticker_in_any_spelling_both_ends_inclusive(source):
    bars = source.range_bars("BRK/B", MON, TUE)
    assert bars.schema == pl.Schema(BAR_SCHEMA)
    assert bars["session"].to_list() == [MON, TUE]
    assert bars.row(0) == ("BRK.B", MON, 1.0, 2.0, 0.5, 1.5, 100.0, None, None)
    assert source.range_bars("ZZZZ", MON, TUE).is_empty()


def test_a_file_says_which_sessions_it_has(source):
    assert source.publication(TUE).published
    gone = source.publication(WED)
    assert not gone.published
    assert gone.reason.endswith(" has no row of 2026-01-07; it holds 2026-01-05 to 2026-01-06")


def test_listings_are_what_the_rows_say_and_nothing_is_delisted(source):
    listed = source.listings()
    assert listed.schema == pl.Schema(LISTING_SCHEMA)
    assert listed["ticker"].to_list() == ["BRK.B", "CON", "NA", "NAN", "TRUE"]
    assert listed["active"].all()
    assert source.listings(tickers=["brk b", "ZZZZ"])["ticker"].to_list() == ["BRK.B"]
    assert source.listings(on=date(2025, 12, 31)).is_empty()
    assert source.listings(active=False).is_empty()


def test_what_a_file_of_bars_cannot_know_is_refused_and_not_answered_with_nothing(source):
    for ask in (
        lambda: source.splits(MON, TUE),
        lambda: source.dividends(MON, TUE),
        lambda: source.ticker_changes("BRK.B"),
        lambda: source.ticker_details("BRK.B", on=MON),
        lambda: source.etf_profiles(MON),
    ):
        with pytest.raises(PermanentVendorError, match=r"^bars\.\S+: a file of bars has no "):
            ask()
    assert not source.capabilities.corporate_actions
    assert not source.capabilities.details
    assert not source.capabilities.etf_profiles
    assert source.plan is None
    assert source.drain_calls() == []


def test_a_ticker_change_is_unknown_to_a_file_as_to_a_vendor_that_cannot_tell(source):
    with pytest.raises(NotFoundError, match="no ticker changes"):
        source.ticker_changes("BRK.B")


def test_an_inverted_range_is_bad_input(source):
    with pytest.raises(BadInputError, match=r"2026-01-06\.\.2026-01-05"):
        source.range_bars("NA", TUE, MON)


def test_other_column_names_are_mapped(tmp_path):
    line = "ABC,20260105,1,2,0.5,1.5,100,1.2,7"
    header = "Ticker,When,O,HIGH,low,close,vol,vwap,trades"
    mapped = {"session": "When", "open": "O", "volume": "vol", "transactions": "trades"}
    bars = csv(tmp_path, line, header=header, columns=mapped).grouped_bars(MON)
    assert bars.row(0) == ("ABC", MON, 1.0, 2.0, 0.5, 1.5, 100.0, 1.2, 7)


@pytest.mark.parametrize(
    "text", ["2026-01-05", "20260105", "2026-01-05 00:00:00", "2026-01-05T00:00:00", " 2026-01-05 "]
)
def test_dates_are_read_in_their_usual_forms(tmp_path, text):
    assert csv(tmp_path, f"A,{text},1,2,0.5,1.5,100").grouped_bars(MON).height == 1


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "null"])
def test_an_absent_price_is_a_row_to_quarantine(tmp_path, cell):
    bars = csv(tmp_path, f"A,2026-01-05,{cell},2,0.5,1.5,1e3").grouped_bars(MON)
    assert bars["volume"].to_list() == [1000.0]
    assert validate_bars(bars).rejected["reason"].to_list() == ["a price is missing"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("A,05/01/2026,1,2,0.5,1.5,100", "line 3, column date: '05/01/2026' is not accepted: dates such as 2024-01-31"),
        ("A,2026-01-05 16:00:00,1,2,0.5,1.5,100", "line 3, column date: '2026-01-05 16:00:00' is not accepted"),
        ("A,,1,2,0.5,1.5,100", "line 3, column date: '' is not accepted"),
        ("A,2026-01-05,one,2,0.5,1.5,100", "line 3, column open: 'one' is not accepted: numbers, or nothing"),
    ],
)
def test_a_value_that_cannot_be_read_names_file_column_and_value(tmp_path, line, words):
    with pytest.raises(BadInputError, match=r"bars\.csv, " + words):
        csv(tmp_path, "A,2026-01-02,1,2,0.5,1.5,100", line).listings()


def test_a_missing_column_is_named_with_the_columns_there_are(tmp_path):
    with pytest.raises(BadInputError, match="column low: 'low' is not accepted: one of the file's columns: symbol, "):
        csv(tmp_path, "A,2026-01-05,1,2,1.5,100", header="symbol,date,open,high,close,volume").listings()
    with pytest.raises(BadInputError, match="column vwap: 'VW' is not accepted"):
        csv(tmp_path, "A,2026-01-05,1,2,0.5,1.5,100", columns={"vwap": "VW"}).listings()
    with pytest.raises(BadInputError, match="column map 'opening' is not accepted: our columns: ticker, session, open"):
        csv(tmp_path, "A,2026-01-05,1,2,0.5,1.5,100", columns={"opening": "open"}).listings()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "an existing Parquet or CSV file"),
        ("bars.xlsx", b"PK", "a name that ends in .parquet, .pq, .csv, .csv.gz, .tsv or .zip"),
        ("bars.parquet", b"PAR1 not really", "a whole Parquet or CSV file"),
        ("bars.csv", b"", "a whole Parquet or CSV file"),
    ],
)
def test_a_file_that_is_none_is_bad_input(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match=words):
        FileSource(path).listings()


def test_a_cut_parquet_file_is_bad_input(tmp_path):
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    pl.DataFrame(BARS).write_parquet(whole)
    cut.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(BadInputError, match=r"cut\.parquet' is not accepted: a whole Parquet or CSV file"):
        FileSource(cut).listings()


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("symbol", [True], "column symbol: 'Boolean' is not accepted: tickers as text"),
        ("date", [1.5], "column date: 'Float64' is not accepted"),
        (
            "date",
            [datetime(2026, 1, 5, 6, 0, tzinfo=UTC)],
            r"row 1, column date: '2026-01-05 06:00:00\+00:00' is not accepted",
        ),
        ("open", [MON], "column open: 'Date' is not accepted: numbers"),
    ],
)
def test_a_parquet_column_of_another_type_is_bad_input(tmp_path, column, values, words):
    path = tmp_path / "bars.parquet"
    one = {name: cells[:1] for name, cells in BARS.items()}
    pl.DataFrame({**one, column: values}).write_parquet(path)
    with pytest.raises(BadInputError, match=words):
        FileSource(path).listings()


def test_an_empty_file_of_bars_is_an_empty_source(tmp_path):
    source = csv(tmp_path)
    assert source.listings().is_empty()
    assert source.publication(MON).reason.endswith("it is empty")
