"""One reader behind two doors: a source of files and the simulator read the same rows, or refuse in the same words."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.core.bars.file_options import parse_file_text
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.market.bars_file import read_bars_file, read_file_market

HEADER = "Symbol,Date,Open,High,Low,Close,Volume"
ROW = "AAPL,2025-01-02,1,2,0.5,1.5,100"
DAY = date(2025, 1, 2)


def both(path: Path, options: str = "") -> list[pl.DataFrame | str]:
    """What each door reads, or its error."""
    text = f"{path}{options}"
    named, declared = parse_file_text(text)
    answers: list[pl.DataFrame | str] = []
    for read in (lambda: FileSource(named, declared).grouped_bars(DAY), lambda: read_bars_file(text)):
        try:
            answers.append(read().select("ticker", "session", "open", "high", "low", "close", "volume"))
        except BadInputError as error:
            answers.append(str(error))
    return answers


@pytest.mark.parametrize(
    ("lines", "options", "tickers"),
    [
        ([ROW], "", ["AAPL"]),
        ([ROW, "MSFT,2025-01-02,1,2,0.5,null,100"], "", ["AAPL", "MSFT"]),
        (["AAPL,20250102,1,2,0.5,1.5,100"], "", ["AAPL"]),
        (["BF-B,2025-01-02,1,2,0.5,1.5,100", "aapl,2025-01-02,1,2,0.5,1.5,100"], "", ["AAPL", "BF.B"]),
        ([ROW, "C_N,2025-01-02,1,2,0.5,1.5,100", "^GSPC,2025-01-02,1,2,0.5,1.5,100"], "", ["AAPL", "CpN"]),
        (["AAPL,2025-01-02 00:00:00-05:00,1,2,0.5,1.5,100"], "", ["AAPL"]),
        (["AAPL,01/02/2025,1,2,0.5,1.5,100"], "?date-format=%m/%d/%Y", ["AAPL"]),
        ([ROW, "", ""], "", ["AAPL"]),
        ([ROW, ",,,,,,"], "", ["AAPL"]),
        (
            [ROW, "MSFT,2025-01-02,1,2,0.5,1.5,1e20"],
            "",
            ["AAPL", "MSFT"],
        ),  # no volume; its row is validated later
        ([ROW, "MS\x00FT,2025-01-02,1,2,0.5,1.5,100", "M\u202eS,2025-01-02,1,2,0.5,1.5,100"], "", ["AAPL"]),
    ],
)
def test_what_one_door_reads_the_other_reads(
    tmp_path: Path, lines: list[str], options: str, tickers: list[str]
) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    source, simulator = both(path, options)
    assert isinstance(source, pl.DataFrame)
    assert isinstance(simulator, pl.DataFrame)
    assert source.equals(simulator)
    assert source["ticker"].to_list() == tickers


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "\nAAPL,01/02/2025,1,2,0.5,1.5,100\n",
        HEADER + ",Close\n" + ROW + ",2\n",
        HEADER + ",close\n" + ROW + ",2\n",
        f"{HEADER}\n{ROW}\nAAPL,2025-01-03,1,2\n",
        f"{HEADER}\n{ROW}\nAAPL,2025-01-03,1,2,0.5,1.5,100,7\n",
        HEADER + "\nAAPL,2024111,1,2,0.5,1.5,100\n",
        HEADER + "\nAAPL,24-01-05,1,2,0.5,1.5,100\n",
        HEADER + "\n^GSPC,2025-01-02,1,2,0.5,1.5,100\n",
    ],
)
def test_what_one_door_refuses_the_other_refuses_in_the_same_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(text)
    source, simulator = both(path)
    assert isinstance(source, str)
    assert source == simulator
    assert ", line " in source


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bars.csv", b""),
        ("bars.csv", f"{HEADER}\n{ROW}\n".encode() + b"M\xff\xfe,2025-01-02,1,2,0.5,1.5,100\n"),
        ("bars.pq", b"PAR1"),
        ("bars.csv.gz", b"not packed"),
        ("bars.zip", b"PK"),
        ("bars.txt", f"{HEADER}\n{ROW}\n".encode()),
    ],
)
def test_what_is_no_such_file_is_refused_at_both_doors_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    for words in both(tmp_path / name):
        assert isinstance(words, str)
        assert words.isprintable()
        assert name in words


@pytest.mark.parametrize("beside", ["actions", "listings"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.csv", None),
        ("table.csv", b"ticker,ticker,ex_date,first,ratio\nAAPL,AAPL,2025-01-02,2025-01-02,2\n"),
        ("table.csv", b"ticker,ex_date,first,ratio\nAAPL,2024111,2024111,2\n"),
        ("table.csv", b"ticker,ex_date,first,ratio\nAAPL,24-01-05,24-01-05,2\n"),
        ("table.csv", b"ticker,ex_date,first,ratio\nAAPL,2025-01-02\n"),
        ("table.csv", b"ticker,ex_date,first,ratio\nAA\x00PL,2025-01-02,2025-01-02,2\n"),
        ("aapl.csv", b"20240111,\xff\xfe,1\n20501231,aapl,1\n"),
        ("aapl.csv", b"20241301,aapl,1\n20501231,1,1\n"),
    ],
)
def test_what_stands_beside_the_bars_is_refused_at_both_doors(
    tmp_path: Path, beside: str, name: str, content: bytes | None
) -> None:
    (tmp_path / "bars.csv").write_text(f"{HEADER}\n{ROW}\n")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    text = f"{tmp_path / 'bars.csv'}?{beside}={name}"
    named, declared = parse_file_text(text)
    source = FileSource(named, declared)
    for read in (lambda: (source.actions, source.declared), lambda: read_file_market(text)):
        with pytest.raises(BadInputError) as refused:
            read()
        assert str(refused.value).isprintable()
        assert name in str(refused.value)


def test_a_parquet_by_its_short_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bars.pq"
    pl.DataFrame([("AAPL", DAY, 1.0, 2.0, 0.5, 1.5, 100)], schema=HEADER.split(","), orient="row").write_parquet(path)
    source, simulator = both(path)
    assert isinstance(source, pl.DataFrame)
    assert isinstance(simulator, pl.DataFrame)
    assert source.equals(simulator)


def test_the_name_is_the_content_and_nothing_else(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    for path, line in ((first, ROW), (second, ROW), (other, ROW.replace("1.5", "1.6"))):
        path.write_text(f"{HEADER}\n{line}\n")
    names = [FileSource(path).name for path in (first, second, other)]
    assert names[0] == names[1] != names[2]
    assert FileSource(first).label == f"a.csv ({names[0]})"
    first.write_bytes(other.read_bytes())
    assert FileSource(first).name == names[2]


def test_a_folder_is_one_source(tmp_path: Path) -> None:
    folder = tmp_path / "prices"
    (folder / "deeper").mkdir(parents=True)
    header, row = HEADER.partition(",")[2], ROW.partition(",")[2]
    for name in ("KO.csv", "deeper/MSFT.csv"):
        (folder / name).write_text(f"{header}\n{row}\n")
    (folder / "README.md").write_text("no bars")
    source = FileSource(folder)
    assert source.grouped_bars(DAY)["ticker"].to_list() == ["KO", "MSFT"]
    before = source.name
    (folder / "KO.csv").rename(folder / "PEP.csv")
    assert FileSource(folder).name != before
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadInputError, match="one with files that end in"):
        FileSource(empty).spans()
