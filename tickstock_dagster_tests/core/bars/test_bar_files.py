"""Files of bars as people have them: what is read, what is set aside alone, what is refused with its line."""

import gzip
import io
from datetime import date

import polars as pl
import pytest

from tickstock_dagster.core.bars import bar_file_tables
from tickstock_dagster.core.bars.bar_files import BarFile, read_bar_files, summary_of
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA
from tickstock_dagster.core.bars.file_options import FileOptions, parse_file_text, with_options
from tickstock_dagster.core.errors import BadInputError

HEADER = "Symbol,Date,Open,High,Low,Close,Volume"
DAY = date(2025, 1, 2)


def read(*lines: str, name: str = "bars.csv", header: str = HEADER, market: str = "XNYS", **options: object) -> BarFile:
    text = "\n".join([header, *lines]) + "\n"
    return read_bar_files([(name, text.encode())], FileOptions(**options), market)  # type: ignore[arg-type]


def tickers(file: BarFile) -> list[str]:
    return file.bars["ticker"].to_list()


@pytest.mark.parametrize(
    "written",
    [
        "2025-01-02", "20250102", "2025-01-02 00:00:00", "2025-01-02T00:00:00", "2025-01-02T00:00", " 2025-01-02 ",
        "2025-01-02 00:00:00.000",
        "2025-01-02 00:00:00-05:00",  # yfinance: the exchange's midnight
        "2025-01-02 00:00:00+09:00",
        "2025-01-02 05:00:00+00:00",  # the same instant in UTC
        "2025-01-02T05:00:00Z",
    ],
)  # fmt: skip
def test_a_date_is_read_in_every_form_that_means_one_day(written: str) -> None:
    file = read(f"AAPL,{written},1,2,0.5,1.5,100")
    assert file.bars.schema == pl.Schema(BAR_SCHEMA)
    assert file.bars["session"].to_list() == [DAY]


@pytest.mark.parametrize(
    "written",
    ["01/02/2025", "2024111", "24-01-05", "2025-1-2", "2025-02-30", "2025-01-02 16:00:00", "2025-01-02 16:00:00-05:00",
     "2025-01-02 06:00:00+00:00", "1735776000", "0025-01-02", "tomorrow", ""],
)  # fmt: skip
def test_any_other_date_is_refused_with_its_line_and_how_to_declare_it(written: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read("AAPL,2025-01-02,1,2,0.5,1.5,100", f"AAPL,{written},1,2,0.5,1.5,100")
    words = str(refused.value)
    assert words.startswith(f"bars.csv, line 3, column Date: {written!r} is not accepted: dates such as 2024-01-31")
    assert "date-format=%m/%d/%Y" in words


def test_a_declared_date_format_is_the_only_one() -> None:
    assert read("AAPL,01/02/2025,1,2,0.5,1.5,100", date_format="%m/%d/%Y").bars["session"].to_list() == [DAY]
    assert read("AAPL,02.01.2025,1,2,0.5,1.5,100", date_format="%d.%m.%Y").bars["session"].to_list() == [DAY]
    for other in ("2025-01-02", "13/13/2025", "01/02/25"):
        with pytest.raises(BadInputError, match=r"line 2, column Date: .* dates as declared, %m/%d/%Y"):
            read(f"AAPL,{other},1,2,0.5,1.5,100", date_format="%m/%d/%Y")


def test_an_odd_ticker_sets_its_own_rows_aside_and_no_other() -> None:
    file = read(
        "AAPL,2025-01-02,1,2,0.5,1.5,100",
        *(f"^GSPC,2025-01-0{day},1,2,0.5,1.5,100" for day in (2, 3)),
        "VOD.L,2025-01-02,1,2,0.5,1.5,100",
        "7203.XTKS,2025-01-02,1,2,0.5,1.5,100",
        "N/A,2025-01-02,1,2,0.5,1.5,100",
        ",2025-01-02,1,2,0.5,1.5,100",
    )
    assert tickers(file) == ["AAPL"]
    assert [(one.ticker, one.rows, one.where) for one in file.set_aside] == [
        ("^GSPC", 2, "line 3"), ("VOD.L", 1, "line 5"), ("7203.XTKS", 1, "line 6"), ("N/A", 1, "line 7"),
        ("", 1, "line 8"),
    ]  # fmt: skip
    assert file.rows_set_aside == 6
    [words] = summary_of(file)
    assert words.startswith(
        "6 rows of 5 tickers set aside: '^GSPC' (2: no ticker); 'VOD.L' (1: .L marks XLON: its bars"
    )


def test_a_summary_names_ten_and_counts_the_rest() -> None:
    file = read("AAPL,2025-01-02,1,2,0.5,1.5,100", *(f"^X{n},2025-01-02,1,2,0.5,1.5,100" for n in range(43)))
    [words] = summary_of(file)
    assert words.startswith("43 rows of 43 tickers set aside: ")
    assert words.count("no ticker") == 10
    assert words.endswith("; and 33 more")


def test_a_file_without_one_usable_ticker_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"bars\.csv, line 2, ticker: '\^GSPC' is not accepted: no ticker"):
        read("^GSPC,2025-01-02,1,2,0.5,1.5,100")


def test_spellings_of_one_ticker_are_one_and_are_said() -> None:
    rows = ("BF-B", "aapl", "Ibm", "BAC-PE", "C_N", "SCHW_B", "NA", "TRUE", "1E5")
    file = read(*(f"{ticker},2025-01-02,1,2,0.5,1.5,100" for ticker in rows))
    assert tickers(file) == ["1E5", "AAPL", "BACpE", "BF.B", "CpN", "IBM", "NA", "SCHWpB", "TRUE"]
    assert dict(file.respelt) == {"BF-B": "BF.B", "BAC-PE": "BACpE", "C_N": "CpN", "SCHW_B": "SCHWpB"}
    assert not file.set_aside


@pytest.mark.parametrize("absent", ["", "null", "NULL", "NaN", "N/A", "-", "None"])
def test_an_absent_price_is_left_to_the_validation_of_rows(absent: str) -> None:
    assert read(f"AAPL,2025-01-02,1,2,0.5,{absent},100").bars["close"].to_list() == [None]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            ("AAPL,2025-01-02,1,2,0.5,1.5,100", "AAPL,2025-01-03,1,2,0.5"),
            "line 3: '5 fields' is not accepted: 7 fields",
        ),
        (("AAPL,2025-01-02,1,2,0.5,1.5,100,7",), "line 2: '8 fields' is not accepted: 7 fields"),
        (("", "AAPL,2025-01-02,1,two,0.5,1.5,100"), "line 3, column High: 'two' is not accepted: numbers, or nothing"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(lines: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadInputError, match=f"bars.csv, {words}"):
        read(*lines)


@pytest.mark.parametrize("twice", ["Close", "close"])
def test_a_column_that_is_there_twice_is_refused(twice: str) -> None:
    header = f"Symbol,Date,Open,High,Low,Close,{twice},Volume"
    with pytest.raises(
        BadInputError, match=r"bars\.csv, line 1, header: '[Cc]lose twice' is not accepted: each column"
    ):
        read("AAPL,2025-01-02,1,2,0.5,1.5,1.5,100", header=header)


def test_blank_lines_marks_of_encodings_and_other_separators_are_read() -> None:
    file = read("", "AAPL;2025-01-02;1;2;0.5;1.5;100", ";;;;;;", "", header="\ufeff" + HEADER.replace(",", ";"))
    assert file.bars.rows() == [("AAPL", DAY, 1.0, 2.0, 0.5, 1.5, 100.0, None, None)]


def test_a_quoted_separator_is_no_further_field() -> None:
    file = read('"AAPL","2025-01-02","1","2","0.5","1.5","100","Apple, Inc."', header=HEADER + ",Name")
    assert tickers(file) == ["AAPL"]
    assert file.unread == ("Name",)


def test_a_file_of_one_ticker_is_named_by_it() -> None:
    header, row = HEADER.partition(",")[2], "2025-01-02,1,2,0.5,1.5,100"
    assert tickers(read(row, header=header, name="some/where/BRK-B.csv")) == ["BRK.B"]
    assert tickers(read(row, header=header, ticker="aapl")) == ["AAPL"]
    with pytest.raises(BadInputError, match=r"or ticker=AAPL declared"):
        read(row, header=header)


def test_an_export_of_yfinance_is_read() -> None:
    header = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits,Capital Gains"
    file = read("2025-01-02 00:00:00-05:00,1,2,0.5,1.5,100,0.0,0.0,0.0", header=header, name="SPY.csv")
    assert file.bars.rows() == [("SPY", DAY, 1.0, 2.0, 0.5, 1.5, 100.0, None, None)]
    assert summary_of(file) == ["columns not read: Dividends, Stock Splits, Capital Gains"]


@pytest.mark.parametrize("by", ["field", "ticker"])
def test_a_download_of_several_tickers_is_read_ticker_by_ticker(by: str) -> None:
    fields = ["Adj Close", "Close", "High", "Low", "Open", "Volume"]
    pairs = [(field, ticker) for field in fields for ticker in ("AAPL", "BRK-B")]
    pairs = pairs if by == "field" else sorted(pairs, key=lambda pair: pair[1])
    heads = [",".join(["Price", *(field for field, _ in pairs)]), ",".join(["Ticker", *(t for _, t in pairs)])]
    prices = {"Adj Close": 1.4, "Close": 1.5, "High": 2, "Low": 0.5, "Open": 1, "Volume": 100}
    rows = [
        ",".join([day, *("" if (t, day) == ("BRK-B", "2025-01-03") else str(prices[field]) for field, t in pairs)])
        for day in ("2025-01-02", "2025-01-03")
    ]
    header, *lines = [*(heads if by == "field" else heads[::-1]), "Date" + "," * len(pairs), *rows]
    file = read(*lines, header=header)
    assert file.bars.select("ticker", "session", "close", "volume").rows() == [
        ("AAPL", DAY, 1.5, 100.0), ("AAPL", date(2025, 1, 3), 1.5, 100.0), ("BRK.B", DAY, 1.5, 100.0)
    ]  # fmt: skip


def test_raw_prices_without_a_header_are_read() -> None:
    file = read_bar_files([("daily/aapl.zip", b"19980102 00:00,136300,162500,135000,162500,6315000\n")])
    assert file.bars.rows() == [("AAPL", date(1998, 1, 2), 13.63, 16.25, 13.5, 16.25, 6315000.0, None, None)]


@pytest.mark.parametrize("name", ["bars.csv.gz", "bars.csv"])
def test_what_is_too_large_is_refused_before_it_fills_the_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bar_file_tables, "MAX_BYTES", 2**20)
    content = b"\n" * 2**21
    with pytest.raises(BadInputError, match="at most 1 MiB, unpacked"):
        read_bar_files([(name, gzip.compress(content) if name.endswith("gz") else content)])
    monkeypatch.setattr(bar_file_tables, "MAX_ROWS", 100)
    with pytest.raises(BadInputError, match="at most 100 lines or rows"):
        read_bar_files([(name, gzip.compress(content[:101]) if name.endswith("gz") else content[:101])])


def test_a_gzip_file_of_several_parts_is_read_whole_and_a_torn_one_is_refused() -> None:
    first, second = (f"AAA,2024-01-0{day},1,1,1,1,1\n".encode() for day in (2, 3))
    content = gzip.compress(f"{HEADER}\n".encode() + first) + gzip.compress(second)
    assert read_bar_files([("bars.csv.gz", content)]).bars.height == 2
    with pytest.raises(BadInputError, match="it ends too early"):
        read_bar_files([("bars.csv.gz", content[:-9])])


def test_files_of_a_folder_are_one_table() -> None:
    files = [
        (f"{ticker}.csv", f"Date,Open,High,Low,Close,Volume\n{DAY},1,2,0.5,1.5,100\n") for ticker in ("MSFT", "KO")
    ]
    assert tickers(read_bar_files([(name, text.encode()) for name, text in files])) == ["KO", "MSFT"]


@pytest.mark.parametrize(
    ("market", "written", "ours"),
    [("XLON", ["VOD", "BP.", "BT.A"], ["BP.", "BT.A", "VOD"]), ("XLON", ["VOD.L", "BP.L"], ["BP.", "VOD"]),
     ("XTKS", ["7203.T", "130A"], ["130A", "7203"])],
)  # fmt: skip
def test_a_market_abroad_reads_its_own_codes(market: str, written: list[str], ours: list[str]) -> None:
    assert tickers(read(*(f"{code},2026-11-20,1,2,0.5,1.5,100" for code in written), market=market)) == ours


def test_a_datetime_of_parquet_is_a_day_at_its_own_or_the_markets_midnight() -> None:
    one = {"ticker": ["A"], "open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0], "volume": [1]}
    for zone, hour in (("America/New_York", 0), ("UTC", 5), ("UTC", 0)):
        stamp = pl.Series([f"2025-01-02 0{hour}:00"]).str.to_datetime("%Y-%m-%d %H:%M", time_zone=zone)
        content = io.BytesIO()
        pl.DataFrame({**one, "Date": stamp}).write_parquet(content)
        assert read_bar_files([("x.pq", content.getvalue())]).bars["session"].to_list() == [DAY]


def test_declarations_travel_with_the_path() -> None:
    text = with_options("a/b.csv", {"date-format": "%m/%d/%Y", "ended": "yes", "ticker": None})
    assert text == "a/b.csv?date-format=%m/%d/%Y&ended=yes"
    assert parse_file_text(text) == ("a/b.csv", FileOptions(date_format="%m/%d/%Y", ended=True))
    assert parse_file_text(with_options(text, {"columns": "open:O,volume:Vol"}))[1].columns == {
        "open": "O",
        "volume": "Vol",
    }
    assert with_options("b.csv", {}) == "b.csv"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("b.csv?datefmt=%Y", "file option 'datefmt=%Y' is not accepted: did you mean"),
        ("b.csv?ticker=", "ticker=VALUE, once"),
        ("b.csv?date-format=%d/%m", "date-format '%d/%m' is not accepted: a format of year"),
        ("b.csv?date-format=%m/%d/%y", "a format of year"),
        ("b.csv?ended=maybe", "yes or no"),
        ("b.csv?columns=open", "pairs of our name"),
    ],
)
def test_a_declaration_that_says_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadInputError) as refused:
        parse_file_text(text)
    assert words in str(refused.value)
