"""The bytes of a bar file as a table of its rows, each with its line; nothing in it is read as a date or number yet.

What the columns mean belongs in `core.bars.bar_files`. Shapes: a header and rows; a table that yfinance made of several
tickers (fields by tickers in two or three header lines); rows without a header as Lean keeps them (one ticker a file,
prices in 1/10,000 dollars).
"""

import csv
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from tickstock_dagster.core.errors import BadInputError

ENDINGS = (".parquet", ".pq", ".csv", ".csv.gz", ".tsv", ".zip")

DECIMAL_SHIFT = 10_000.0
"""Lean's prices are whole numbers, in 1/10,000 of the currency."""

MAX_BYTES = 2**30
"""Bytes of a file, unpacked: a year of the whole market as CSV, about eight million rows, has half as many."""

MAX_ROWS = 20_000_000
"""Rows of a file: more do not fit into memory beside their texts."""

_ACCEPTED = "a whole Parquet or CSV file"
_LEAN = re.compile(r"\d{8} \d{2}:\d{2},[\d.]+,[\d.]+,[\d.]+,[\d.]+,[\d.]+")
_LEAN_COLUMNS = ("date", "open", "high", "low", "close", "volume")
_WIDE_CORNERS = ({"price", "attributes", ""}, {"ticker", "symbols", ""})
_FIELDS = {"open", "high", "low", "close", "adj close", "volume", "dividends", "stock splits", "capital gains"}
_NEEDED = ("Open", "High", "Low", "Close", "Volume")


@dataclass(frozen=True, slots=True)
class BarTable:
    """Rows of a file.

    Attributes:
        rows: under the file's own names of its columns; texts, but for Parquet.
        lines: where each row stands: its line, in Parquet its row, both from 1.
        place: what `lines` counts: line or row.
        price_unit: divide prices by this.
        one_ticker: the shape has no tickers by definition: the file's name is the ticker, in any case.
    """

    rows: pl.DataFrame
    lines: pl.Series
    place: str = "line"
    price_unit: float = 1.0
    one_ticker: bool = False


def bar_table(name: str, content: bytes) -> BarTable:
    """The rows of a file.

    Args:
        name: of the file; its ending says the kind.
        content: all of its bytes; of an archive (.zip), those of its one member, a CSV file.

    Raises:
        BadInputError: it is of another kind, is not whole, or a line has not as many fields as the header.
    """
    kind = name.lower()
    try:
        if kind.endswith((".parquet", ".pq")):
            _refuse_long(name, int(pl.scan_parquet(content).select(pl.len()).collect().item()))
            rows = pl.read_parquet(content)
            return BarTable(rows, pl.int_range(1, rows.height + 1, eager=True).alias("line"), "row")
        if kind.endswith(".gz"):
            content = unpacked(name, content)
        if kind.endswith(ENDINGS):
            return _text_table(name, content)
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error, csv.Error) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError("file", name, f"{_ACCEPTED} ({words})") from None
    raise BadInputError("file", name, f"a name that ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")


def unpacked(name: str, content: bytes) -> bytes:
    """The bytes of a gzip file, of all its members.

    Raises:
        BadInputError: they are more than `MAX_BYTES`; no more than these were unpacked.
    """
    parts, size = [], 0
    while content:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        parts.append(member.decompress(content, MAX_BYTES + 1 - size))
        size += len(parts[-1])
        if size > MAX_BYTES:
            raise too_large(name)
        if not member.eof:
            raise EOFError("it ends too early")
        content = member.unused_data.lstrip(b"\0")
    return b"".join(parts)


def text_of(name: str, content: bytes) -> str:
    """The text of a file that is no table of bars.

    Raises:
        BadInputError: it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInputError(f"{name}, line {line}:", content[error.start : error.end], "text in UTF-8") from None


def day_of(text: str) -> date:
    """A day as YYYYMMDD, eight digits: Python would take seven for one, too.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"\d{8}", text.strip(), re.ASCII):
        raise ValueError(text)
    return datetime.strptime(text.strip(), "%Y%m%d").date()  # noqa: DTZ007  # a date has no zone


def plain_columns(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a table that is no table of bars, under small names with _ for blanks.

    Raises:
        BadInputError: two columns have the same such name.
    """
    names: dict[str, str] = {}
    for column in rows.columns:
        plain = column.strip().lower().replace(" ", "_")
        if names.setdefault(plain, column) != column:
            raise BadInputError(f"{name}, header:", f"{names[plain]} and {column}", "each column once")
    return rows.rename({column: plain for plain, column in names.items()})


def too_large(name: object) -> BadInputError:
    """The error of a file with more than `MAX_BYTES`."""
    return BadInputError("file", name, f"at most {MAX_BYTES // 2**20:,} MiB, unpacked; divide it into several")


def _refuse_long(name: str, rows: int) -> None:
    if rows > MAX_ROWS:
        raise BadInputError("file", name, f"at most {MAX_ROWS:,} lines or rows; divide it into several")


def _text_table(name: str, content: bytes) -> BarTable:
    if len(content) > MAX_BYTES:
        raise too_large(name)
    _refuse_long(name, content.count(b"\n"))
    lines = pl.read_csv(
        content, has_header=False, separator="\x1f", quote_char=None, infer_schema=False, new_columns=["t"]
    )["t"].fill_null("")
    filled = lines.str.strip_chars(" \t,;|\ufeff") != ""
    if not filled.any():
        raise BadInputError("file", name, f"{_ACCEPTED} (it is empty)")
    top = int(filled.arg_max() or 0)
    separator = _separator(lines[top])
    header = _fields(lines[top], separator)
    _refuse_ragged(name, lines, top, separator, len(header))
    frame = pl.read_csv(
        content, has_header=False, infer_schema=False, separator=separator, skip_lines=top,
        new_columns=[str(place) for place in range(len(header))],
    )  # fmt: skip
    if frame.height != lines.len() - top:
        raise BadInputError("file", name, "a CSV file with one row a line")
    numbered = pl.int_range(top + 1, lines.len() + 1, eager=True).alias("line")
    if not filled.all():
        frame, numbered = frame.filter(filled[top:]), numbered.filter(filled[top:])
    if _LEAN.fullmatch(lines[top]):
        frame = frame.rename(dict(zip(frame.columns, _LEAN_COLUMNS, strict=True)))
        return BarTable(frame, numbered, price_unit=DECIMAL_SHIFT, one_ticker=True)
    heads = [[(cell or "").strip() for cell in row] for row in frame.head(3).rows()]
    if len(heads) == 3 and (wide := _wide(frame, numbered, heads)):  # three lines of header
        return wide
    _refuse_repeats(name, header, top + 1)
    names = [name.strip() if name.strip() and header.count(name) == 1 else f"\x1f{place}"
             for place, name in enumerate(header)]  # fmt: skip
    return BarTable(frame.slice(1).rename(dict(zip(frame.columns, names, strict=True))), numbered.slice(1))


def _separator(line: str) -> str:
    counts = {mark: line.count(mark) for mark in ",;\t|"}
    return "," if counts[","] else max(counts, key=lambda mark: counts[mark])


def _fields(line: str, separator: str) -> list[str]:
    return next(csv.reader([line.lstrip("\ufeff")], delimiter=separator))


def _refuse_ragged(name: str, lines: pl.Series, top: int, separator: str, width: int) -> None:
    """Refuse the first line that has fewer or more fields than the header."""
    counts = lines.str.count_matches(separator, literal=True)
    doubtful = (counts != width - 1) & (lines.str.strip_chars(" \t,;|") != "")
    for place in doubtful.arg_true().to_list():
        found = len(_fields(lines[place], separator))  # a quoted field may hold the separator
        if place >= top and found != width:
            raise BadInputError(f"{name}, line {place + 1}:", f"{found} fields", f"{width} fields, as its header has")


def _refuse_repeats(name: str, header: Sequence[str], line: int) -> None:
    folded = [cell.strip().casefold() for cell in header]
    for cell in header:
        if cell.strip() and folded.count(cell.strip().casefold()) > 1:
            raise BadInputError(f"{name}, line {line}, header:", f"{cell.strip()} twice", "each column once")


def _wide(frame: pl.DataFrame, lines: pl.Series, heads: Sequence[Sequence[str]]) -> BarTable | None:
    """Fields by tickers in the first two lines, as rows with a ticker each; None where the table has another shape."""
    for fields, tickers in ((heads[0], heads[1]), (heads[1], heads[0])):
        corners = fields[0].casefold() in _WIDE_CORNERS[0], tickers[0].casefold() in _WIDE_CORNERS[1]
        if all(corners) and len(fields) > 1 and {field.casefold() for field in fields[1:]} <= _FIELDS:
            break
    else:
        return None
    titled = heads[2][0].casefold() in ("date", "datetime") and not any(heads[2][1:])
    data, numbers = frame.slice(3 if titled else 2), lines.slice(3 if titled else 2)
    parts = []
    for ticker in dict.fromkeys(tickers[1:]):
        columns = {
            field.title(): data.columns[place]
            for place, field in enumerate(fields)
            if place and tickers[place] == ticker
        }
        if not set(_NEEDED) <= columns.keys():
            return None
        part = data.select(
            pl.lit(ticker).alias("Ticker"),
            pl.col(data.columns[0]).alias("Date"),
            *(pl.col(place).alias(field) for field, place in columns.items()),
            numbers.alias("\x1fline"),
        )
        # A ticker that was not listed yet has empty fields there: no bar, and none that is broken.
        parts.append(part.filter(~pl.all_horizontal(pl.col(field).is_null() for field in _NEEDED)))
    rows = pl.concat(parts, how="diagonal")
    return BarTable(rows.drop("\x1fline"), rows["\x1fline"].alias("line"))
