"""A CSV or Parquet file of symbols as the simulated vendor's list: one row per symbol, or per span of its ticker.

Only the ticker is required. A ticker that went to another company later has several rows, whose days do not overlap.
`simulator.market.symbol_types` guesses a missing type or SIC code; other missing values are unknown.
"""

import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import isfinite
from pathlib import Path

import polars as pl

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.market.securities import Security, TickerSpan
from tickstock_dagster.simulator.market.symbol_types import VENUES, equity_type_of, mic_of, sic_of_sector, vendor_ticker

COLUMNS: dict[str, tuple[str, ...]] = {
    "ticker": ("ticker", "symbol", "act symbol"),
    "name": ("name", "security name", "company name"),
    "equity_type": ("equity type", "type"),
    "primary_exchange": ("primary exchange", "exchange", "mic", "market category"),
    "cik": ("cik",),
    "sic_code": ("sic code", "sic"),
    "sic_description": ("sic description",),
    "sector": ("sector",),
    "shares_outstanding": ("shares outstanding", "shares"),
    "market_cap": ("market cap",),
    "last_price": ("last price", "last sale", "close"),
    "list_date": ("list date",),
    "delisted_on": ("delisted on",),
    "etf": ("etf",),
    "test_issue": ("test issue",),
}
"""Accepted names of each column, in any case; a blank and an underscore are the same."""

_ACCEPTED = "CSV or Parquet with a column ticker (or symbol); optional: " + ", ".join(list(COLUMNS)[1:])
_FLAGS = {"Y": True, "YES": True, "TRUE": True, "1": True, "N": False, "NO": False, "FALSE": False, "0": False}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FOOTER = "File Creation Time"
"""Start of the last line of the exchanges' listing files."""
_FIRST_EVER = date(1, 1, 1)

Row = dict[str, str]


def read_symbols_file(path: Path) -> list[Security]:
    """Every row as a security, by ticker and first day.

    Raises:
        BadInputError: the file cannot be read, has no tickers, or has a wrong value; names file, line, column, value
            and what is accepted.
    """
    name = path.name.lower()
    try:
        if not path.is_file():
            raise BadInputError("symbols", path, "a number, or a CSV or Parquet file that exists")
        if name.endswith(".parquet"):
            rows = list(_parquet_rows(path))
        elif name.endswith((".csv", ".csv.gz")):
            rows = list(_csv_rows(path))
        else:
            raise BadInputError("symbols", path, "a number, or a file that ends with .csv, .csv.gz or .parquet")
    except (pl.exceptions.PolarsError, csv.Error, UnicodeDecodeError, OSError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise BadInputError("symbols", path, f"{_ACCEPTED}; reading it failed: {reason}") from None
    if not rows:
        raise BadInputError("symbols", path, f"at least one row; {_ACCEPTED}")
    return _securities(path, rows)


def _csv_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Each row's line, and its texts."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        header = next(reader, [])
        places = _places(path, header)
        line = reader.line_num + 1
        for fields in reader:
            if any(field.strip() for field in fields) and not fields[0].startswith(_FOOTER):
                if len(fields) != len(header):
                    raise _bad(path, f"line {line}", "row", f"{len(fields)} fields", f"{len(header)} fields")
                yield f"line {line}", {name: fields[place].strip() for name, place in places.items()}
            line = reader.line_num + 1


def _parquet_rows(path: Path) -> Iterator[tuple[str, Row]]:
    frame = pl.read_parquet(path)
    places = _places(path, frame.columns)
    tickers = frame.to_series(places["ticker"])
    if tickers.dtype not in (pl.String, pl.Categorical):
        raise BadInputError("symbols", path, f"tickers as text and not as {tickers.dtype}; {_ACCEPTED}")
    texts = [frame.to_series(place).cast(pl.String).fill_null("").to_list() for place in places.values()]
    for number, values in enumerate(zip(*texts, strict=True), start=1):
        yield f"row {number}", {name: value.strip() for name, value in zip(places, values, strict=True)}


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Position in the file of each of our columns that it has."""
    folded: dict[str, int] = {}
    for place, name in enumerate(header):
        plain = " ".join(name.replace("_", " ").split()).casefold()
        if plain and folded.setdefault(plain, place) != place:
            raise BadInputError(f"{path}, header:", f"{header[folded[plain]]} and {name}", "each column once")
    places = {}
    for ours, names in COLUMNS.items():
        found = next((folded[name] for name in names if name in folded), None)
        if found is not None:
            places[ours] = found
    if "ticker" not in places:
        raise BadInputError("symbols", path, f"column 'ticker' is missing; {_ACCEPTED}")
    return places


def _bad(path: Path, where: str, column: str, value: object, accepted: str) -> BadInputError:
    return BadInputError(f"{path}, {where}, {column}:", value, accepted)


def _securities(path: Path, rows: Sequence[tuple[str, Row]]) -> list[Security]:
    held: dict[str, list[tuple[TickerSpan, str, Row]]] = {}
    for where, row in rows:
        span = _span(path, where, row)
        held.setdefault(span.ticker, []).append((span, where, row))
    securities = []
    for ticker, spans in sorted(held.items()):
        spans.sort(key=lambda entry: entry[0].first)
        for (former, _, _), (later, where, _) in pairwise(spans):
            if former.last is None or former.last >= later.first:
                accepted = "rows of one ticker whose days do not overlap: list_date of each, delisted_on of the older"
                raise _bad(path, where, "ticker", ticker, accepted)
        for number, (span, where, row) in enumerate(reversed(spans)):
            key = f"{ticker}:{number}" if number else ticker
            securities.append(_security(path, where, row, key, span))
    return securities


def _span(path: Path, where: str, row: Row) -> TickerSpan:
    try:
        ticker = vendor_ticker(row["ticker"])
    except BadInputError as error:
        raise _bad(path, where, "ticker", row["ticker"], error.accepted) from None
    first = _day(path, where, row, "list_date") or _FIRST_EVER
    delisted_on = _day(path, where, row, "delisted_on")
    if delisted_on and delisted_on <= first:
        raise _bad(path, where, "delisted_on", delisted_on, f"a day after list_date ({first})")
    return TickerSpan(ticker, first, delisted_on - timedelta(days=1) if delisted_on else None)


def _security(path: Path, where: str, row: Row, key: str, span: TickerSpan) -> Security:
    name = row.get("name") or span.ticker
    flags = {column: _flag(path, where, row, column) for column in ("etf", "test_issue")}
    given_type = row.get("equity_type", "")
    if given_type and not re.fullmatch("[A-Z]{1,12}", given_type):
        raise _bad(path, where, "equity_type", given_type, "a type code such as CS, ETF or WARRANT")
    shares, market_cap = _number(path, where, row, "shares_outstanding"), _number(path, where, row, "market_cap")
    price = _number(path, where, row, "last_price")
    if shares is None and market_cap and price:
        shares = market_cap / price
    return Security(
        key=key,
        name=name,
        equity_type=given_type or equity_type_of(span.ticker, name, **flags),
        exchange=_venue(path, where, row),
        cik=_digits(path, where, row, "cik", 10),
        spans=(span,),
        list_date=span.first if span.first != _FIRST_EVER else None,
        delisted_on=span.last + timedelta(days=1) if span.last else None,
        shares=round(shares) or None if shares else None,
        sic=_sic(path, where, row),
        market_cap=market_cap,
    )


def _venue(path: Path, where: str, row: Row) -> str | None:
    text = row.get("primary_exchange", "")
    mic = mic_of(text)
    if text and mic is None:
        raise _bad(path, where, "primary_exchange", text, VENUES)
    return mic


def _sic(path: Path, where: str, row: Row) -> tuple[str, str] | None:
    code = _digits(path, where, row, "sic_code", 4)
    return (code, row.get("sic_description", "").upper()) if code else sic_of_sector(row.get("sector", ""))


def _digits(path: Path, where: str, row: Row, column: str, width: int) -> str | None:
    text = row.get(column, "").removesuffix(".0")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= width):
        raise _bad(path, where, column, text, f"at most {width} digits, or nothing")
    return text.zfill(width)


def _number(path: Path, where: str, row: Row, column: str) -> float | None:
    """A number above zero; None for an empty field and for zero, which means the same in symbol masters."""
    text = row.get(column, "")
    try:
        value = float(text or "0")
    except ValueError:
        value = -1.0
    if value < 0 or not isfinite(value):
        raise _bad(path, where, column, text, "a number of 0 or more, or nothing")
    return value or None


def _day(path: Path, where: str, row: Row, column: str) -> date | None:
    text = row.get(column, "")
    try:
        plain = text.removesuffix(" 00:00:00").partition(" 00:00:00.")[0]
        day = date.fromisoformat(plain) if _DAY.fullmatch(plain) else None
    except ValueError:
        day = None
    if text and (day is None or not 1800 <= day.year <= 2100):
        raise _bad(path, where, column, text, "a date, YYYY-MM-DD, or nothing")
    return day


def _flag(path: Path, where: str, row: Row, column: str) -> bool:
    text = row.get(column, "")
    if text and text.upper() not in _FLAGS:
        raise _bad(path, where, column, text, "Y or N, or nothing")
    return _FLAGS.get(text.upper(), False)
