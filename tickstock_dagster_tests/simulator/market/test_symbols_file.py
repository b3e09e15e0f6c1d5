"""A symbol master served as the ticker list: what is read, refused, listed and how fast."""

import csv
import gzip
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from tickstock_dagster.cli.operations.simulator import command
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.market.symbol_types import equity_type_of, mic_of
from tickstock_dagster.simulator.market.symbols_file import read_symbols_file
from tickstock_dagster.simulator.options import parse_symbols
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.simulator.asking import all_rows, ask, day_range, grouped

TICKERS = "/v3/reference/tickers"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
COLUMNS = "Symbol,Security Name,Exchange,Test Issue,ETF,CIK,SIC code,sic_description,Sector,Shares,Market Cap"
MASTER = f"""{COLUMNS},List Date,Delisted On
AAPL,Apple Inc.,Q,N,N,320193,3571,Electronic Computers,Technology,14800000000,3800000000000,1980-12-12,
BRK/B,"Berkshire Hathaway, Inc. Class B",N,N,N,,,,Finance,,,,
BAC^E,Bank of America Corporation Depositary Shares representing Preferred Stock Series E,N,N,N,,,,,,,,
SPY,SPDR S&P 500 ETF Trust,P,N,Y,,,,,,,,
ABCDW,Abcd Acquisition Corp. Warrants,S,N,N,,,,,,,,
ZVZZT,NASDAQ TEST STOCK,G,Y,N,,,,,,,,
TRUE,True Believers,XNYS,,,,,,,,0,,
OLDE,Old Economy Inc.,A,N,N,,,,,1000,,1999-01-04,2012-05-02
OLDE,New Economy Inc.,Z,N,N,,,,,5000,,2020-02-03,
GONE2,Gone Too Corp.,NYSE,N,N,,,,,,,,2020-02-03
"""


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("symbols") / "master.csv"
    path.write_text(MASTER)
    return path


@pytest.fixture(scope="module")
def simulator(master: Path):
    with RunningSimulator(symbol_file=master, now=NOON, rate=(100_000, 1.0), plan="advanced") as running:
        running.vendor.wait_for_tape()
        yield running


def listed(simulator: RunningSimulator, **query: str) -> dict[str, dict[str, object]]:
    return {row["ticker"]: row for row in all_rows(simulator, TICKERS, limit=1000, **query)}


def test_every_row_is_listed_with_its_type_and_venue(simulator: RunningSimulator) -> None:
    assert {ticker: (row["type"], row["primary_exchange"]) for ticker, row in listed(simulator).items()} == {
        "AAPL": ("CS", "XNAS"),
        "BRK.B": ("CS", "XNYS"),
        "BACpE": ("PFD", "XNYS"),
        "SPY": ("ETF", "ARCX"),
        "ABCDW": ("WARRANT", "XNAS"),
        "ZVZZT": ("OTHER", "XNAS"),
        "TRUE": ("CS", "XNYS"),
        "OLDE": ("CS", "BATS"),
    }


def test_lists_of_a_day_hold_what_was_listed_then(simulator: RunningSimulator) -> None:
    assert listed(simulator, date="2012-05-01")["OLDE"]["name"] == "Old Economy Inc."
    assert "OLDE" not in listed(simulator, date="2015-06-01")
    assert "GONE2" in listed(simulator, date="2020-02-02")
    assert "GONE2" not in listed(simulator, date="2020-02-03")
    gone = listed(simulator, active="false")
    assert {ticker: row["delisted_utc"][:10] for ticker, row in gone.items()} == {
        "OLDE": "2012-05-02",
        "GONE2": "2020-02-03",
    }
    assert set(listed(simulator, active="false", date="2015-06-01")) == {"OLDE"}
    now, then = (ask(simulator, f"{TICKERS}/OLDE", date=day).json["results"] for day in ("2026-11-20", "2012-05-01"))
    assert now["composite_figi"] != then["composite_figi"]
    assert (now["share_class_shares_outstanding"], then["share_class_shares_outstanding"]) == (5000, 1000)
    assert ask(simulator, f"{TICKERS}/OLDE", date="2015-06-01").status == 404
    events = ask(simulator, f"/vX/reference/tickers/{then['composite_figi']}/events").json["results"]
    assert events["name"] == "Old Economy Inc."


def test_details_tell_what_the_file_tells_and_nothing_else(simulator: RunningSimulator) -> None:
    apple = ask(simulator, f"{TICKERS}/AAPL").json["results"]
    assert (apple["cik"], apple["sic_code"], apple["sic_description"]) == ("0000320193", "3571", "ELECTRONIC COMPUTERS")
    assert (apple["share_class_shares_outstanding"], apple["market_cap"]) == (14_800_000_000, 3.8e12)
    assert apple["list_date"] == "1980-12-12"
    before = ask(simulator, f"{TICKERS}/AAPL", date="2020-08-28").json["results"]
    assert before["share_class_shares_outstanding"] == 14_800_000_000 / 4
    bank = ask(simulator, f"{TICKERS}/BRK.B").json["results"]
    assert bank["sic_code"] == "6021"
    assert not {"cik", "list_date"} & set(bank)
    warrant = ask(simulator, f"{TICKERS}/ABCDW").json["results"]
    assert not {"cik", "sic_code", "market_cap", "share_class_shares_outstanding"} & set(warrant)


def test_bars_stay_those_of_the_synthetic_market(simulator: RunningSimulator) -> None:
    assert len(ask(simulator, day_range("AAPL", "2026-11-16", "2026-11-20")).rows) == 5
    assert ask(simulator, day_range("ABCDW", "2026-11-16", "2026-11-20")).json["resultsCount"] == 0
    assert "MSFT" in {row["T"] for row in ask(simulator, grouped("2026-11-20")).rows}  # not listed, but it trades


def test_a_symbol_master_goes_with_a_file_of_bars(master: Path, tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text("symbol,date,open,high,low,close,volume\nTRUE,2026-11-20,10,11,9,10,100\n")
    with RunningSimulator(symbol_file=master, bars=bars, now=NOON) as running:
        assert [row["T"] for row in ask(running, grouped("2026-11-20")).rows] == ["TRUE"]
        assert len(ask(running, TICKERS).rows) == 8
        assert ask(running, f"{TICKERS}/AAPL").json["results"]["market_cap"] == 3.8e12


def test_thirteen_thousand_symbols_are_listed_page_by_page(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    names = [f"{a}{b}{c}{d}" for a in letters for b in letters for c in "AEIOU" for d in "ABCD"][:13_000]
    rows = [
        f"{name},{name} Inc. Common Stock,Q,{'2020-01-02' if index % 2 else ''}" for index, name in enumerate(names)
    ]
    path.write_text("\n".join(["ticker,name,primary_exchange,delisted_on", *rows]))
    with RunningSimulator(symbol_file=path, now=NOON, rate=(100_000, 1.0)) as running:
        running.vendor.wait_for_tape()
        for query, wanted in (({"date": "2019-06-03"}, 13_000), ({"active": "false"}, 6_500)):
            reply, found, pages = ask(running, TICKERS, limit=1000, **query), [], 1
            while True:
                found += [row["ticker"] for row in reply.rows]
                if "next_url" not in reply.json:
                    break
                reply = ask(running, reply.json["next_url"])
                pages += 1
            assert found == sorted(names if wanted == 13_000 else names[1::2])
            assert pages == -(-wanted // 1000)


def test_parquet_and_compressed_files_say_the_same(master: Path, tmp_path: Path) -> None:
    packed, table = tmp_path / "master.csv.gz", tmp_path / "master.parquet"
    packed.write_bytes(gzip.compress(MASTER.encode("utf-8-sig")))
    typed = pl.read_csv(master, infer_schema=False).with_columns(
        pl.col("Shares").cast(pl.Int64), pl.col("Market Cap").cast(pl.Float64), pl.col("List Date").str.to_date()
    )
    typed.write_parquet(table)
    expected = read_symbols_file(master)
    assert read_symbols_file(packed) == expected
    assert read_symbols_file(table) == expected


def test_shares_follow_from_market_cap_and_last_price_and_a_footer_is_no_symbol(tmp_path: Path) -> None:
    path = tmp_path / "screener.csv"
    path.write_text("symbol,last_sale,market_cap\nAAA,20,1000000\nBBB,20,0\nFile Creation Time: 0731202621:31,,\n")
    with_cap, without = read_symbols_file(path)
    assert (with_cap.shares, with_cap.market_cap) == (50_000, 1e6)
    assert (without.shares, without.market_cap, without.name) == (None, None, "BBB")


@pytest.mark.parametrize(
    ("content", "where", "words"),
    [
        ("name\nApple\n", "", "column 'ticker' is missing"),
        ("", "", "column 'ticker' is missing"),
        ("ticker\n", "", "at least one row"),
        ("ticker,name\nAAA,Aaa\n,Bbb\n", "line 3, ticker:", "a ticker such as"),
        ('ticker,name\nAAA,"Two\nlines"\n?,Bbb\n', "line 4, ticker:", "a ticker such as"),
        ("ticker,name\nAAA\n", "line 2, row:", "2 fields"),
        ("ticker,name\nAAA,Aaa,2\n", "line 2, row:", "2 fields"),
        ("ticker,name,ticker\nAAA,Aaa,BBB\n", "header: 'ticker and ticker'", "each column once"),
        ("ticker,list_date,List Date\nAAA,2020-01-02,2021-01-02\n", "header:", "each column once"),
        ("ticker,list_date\nAAA,2024111\n", "line 2, list_date: '2024111'", "YYYY-MM-DD"),
        ("ticker,list_date\nAAA,24-01-05\n", "line 2, list_date: '24-01-05'", "YYYY-MM-DD"),
        ("ticker,list_date\nAAA,9999-12-31\n", "line 2, list_date: '9999-12-31'", "YYYY-MM-DD"),
        ("ticker,exchange\nAAA,Mars\n", "line 2, primary_exchange: 'Mars'", "A N P Z V Q"),
        ("ticker,shares\nAAA,many\n", "line 2, shares_outstanding: 'many'", "a number of 0 or more"),
        ("ticker,market_cap\nAAA,-1\n", "line 2, market_cap: '-1'", "a number of 0 or more"),
        ("ticker,market_cap\nAAA,nan\n", "line 2, market_cap: 'nan'", "a number of 0 or more"),
        ("ticker,cik\nAAA,12345678901\n", "line 2, cik:", "at most 10 digits"),
        ("ticker,sic\nAAA,x\n", "line 2, sic_code: 'x'", "at most 4 digits"),
        ("ticker,type\nAAA,common stock\n", "line 2, equity_type:", "CS, ETF or WARRANT"),
        ("ticker,etf\nAAA,maybe\n", "line 2, etf: 'maybe'", "Y or N"),
        ("ticker,list_date\nAAA,1.2.2020\n", "line 2, list_date: '1.2.2020'", "YYYY-MM-DD"),
        ("ticker,list_date,delisted_on\nAAA,2020-01-02,2020-01-02\n", "line 2, delisted_on:", "after list_date"),
        ("ticker\nAAA\nBBB\nAAA\n", "line 4, ticker: 'AAA'", "do not overlap"),
        (
            "ticker,list_date,delisted_on\nAAA,2020-01-02,\nAAA,,2020-01-03\n",
            "line 2, ticker: 'AAA'",
            "do not overlap",
        ),
    ],
)
def test_a_bad_file_is_refused_by_line_column_and_value(tmp_path: Path, content: str, where: str, words: str) -> None:
    path = tmp_path / "symbols.csv"
    path.write_text(content)
    with pytest.raises(BadInputError) as refused:
        read_symbols_file(path)
    assert all(part in str(refused.value) for part in (str(path), where, words))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("symbols.txt", b"ticker\nA\n", "ends with .csv"),
        ("symbols.parquet", b"ticker\nA\n", "reading it failed"),
        ("symbols.csv.gz", b"ticker\nA\n", "reading it failed"),
        ("symbols.csv", b"ticker\n\xff\xfe\n", "reading it failed"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=words):
        read_symbols_file(path)


def test_a_parquet_whose_tickers_were_taken_for_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "symbols.parquet"
    pl.DataFrame({"ticker": [True, False]}).write_parquet(path)
    with pytest.raises(BadInputError, match="tickers as text and not as Boolean"):
        read_symbols_file(path)


def test_the_option_takes_a_number_or_a_file_and_says_so(tmp_path: Path) -> None:
    assert parse_symbols("500") == (500, None)
    assert parse_symbols("master.csv") == (300, Path("master.csv"))
    for text, words in (("-5", "1 to 5000"), (str(tmp_path / "none.csv"), "a number, or a CSV or Parquet file")):
        done = CliRunner().invoke(command, ["--port", "0", "--symbols", text])
        assert done.exit_code == 2
        assert words in done.output


@pytest.mark.parametrize(
    ("ticker", "name", "code"),
    [
        ("AAA", "Agilent Technologies, Inc. Common Stock", "CS"),
        ("ACAAW", "Averin Capital Acquisition Corp. - Warrants", "WARRANT"),
        ("AACBU", "Artius II Acquisition Inc. - Units", "UNIT"),
        ("ALUB.U", "Units, each consisting of one Class A Share and one-third of one Redeemable Warrant", "UNIT"),
        ("AACBR", "Artius II Acquisition Inc. - Rights", "RIGHT"),
        ("OAKpA", "Oaktree Holdings, LLC 6.625% Series A Preferred Units", "PFD"),
        ("WDH", "Waterdrop Inc. American Depositary Shares (each representing the right to receive ten)", "ADRC"),
        ("CIB", "Grupo S.A. American Depositary Shares each representing four Preferred Shares", "ADRC"),
        ("AFGC", "American Group, Inc. 5.125% Subordinated Debentures due 2059", "BOND"),
        ("NONAM.WS", "", "WARRANT"),
        ("NONp", "", "PFD"),
        ("ZXYZ.A", "Nasdaq Symbology Test Common Stock", "OTHER"),
    ],
)
def test_names_and_suffixes_tell_kinds_apart(ticker: str, name: str, code: str) -> None:
    assert equity_type_of(ticker, name) == code


def test_an_etf_flag_counts_and_notes_are_told_from_funds() -> None:
    assert equity_type_of("AAA", "Income Units of Something", etf=True) == "ETF"
    assert equity_type_of("AAA", "MAX Leveraged ETNs due 2043", etf=True) == "ETN"
    assert [mic_of(text) for text in "ANPZVQ"] == ["XASE", "XNYS", "ARCX", "BATS", "IEXG", "XNAS"]
    assert (mic_of("nasdaq"), mic_of("xnys"), mic_of("Mars"), mic_of("")) == ("XNAS", "XNYS", None, None)


@pytest.mark.real_data
def test_the_exchanges_real_listing_files_are_served_whole(tmp_path: Path) -> None:
    folder = Path(os.environ["TICKSTOCK_REAL_DATA"]) / "symbol_master"
    path = tmp_path / "both.csv"
    with path.open("w") as out:
        writer = csv.writer(out)
        writer.writerow(["ticker", "name", "exchange", "etf", "test issue"])
        for file, ticker, venue in (
            ("nasdaq-listed-symbols", "Symbol", "Market Category"),
            ("other-listed", "ACT Symbol", "Exchange"),
        ):
            with (folder / f"{file}.csv").open() as lines:
                for row in csv.DictReader(lines):
                    if not row[ticker].startswith("File"):
                        writer.writerow([row[name] for name in (ticker, "Security Name", venue, "ETF", "Test Issue")])
    with RunningSimulator(symbol_file=path, now=NOON, rate=(100_000, 1.0)) as running:
        running.vendor.wait_for_tape()
        kinds = Counter(row["type"] for row in listed(running).values())
    assert sum(kinds.values()) > 13_000
    assert kinds["ETF"] > 5_000
    assert kinds["WARRANT"] > 400
    assert kinds["OTHER"] >= 8
