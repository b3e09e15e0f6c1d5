"""Listings and renames that come beside the bars of a file: which security printed under which ticker, and when.

Two forms. A table with one row for each ticker of a security:

    ticker,first,last,identity,name,mic
    FB,2012-05-18,2022-06-08,meta,Meta Platforms,XNAS
    META,2022-06-09,,meta,,

Rows of one `identity` are one security; instead of it, `renamed_from` may name the ticker before. And map files, one
for each security, whose rows say up to which day, included, it printed under a ticker; the first row is its first day:

    20120518,fb
    20220608,fb
    20501231,meta
"""

import csv
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from tickstock_dagster.core.bars.bar_file_tables import BarTable, bar_table, day_of, plain_columns, text_of
from tickstock_dagster.core.bars.file_dates import read_sessions
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.printable import printable
from tickstock_dagster.core.securities.tickers import canonical_ticker

DAY = timedelta(days=1)
OPEN_END = date(2049, 12, 31)
"""A map file's last row lies in 2050 or later where the security is still listed."""

COLUMNS = ("ticker", "first", "last", "identity", "renamed_from", "name", "mic")
_ACCEPTED = "a table with the columns ticker and first; optional: last, identity or renamed_from, name, mic"


@dataclass(frozen=True, slots=True)
class TickerDays:
    """The days under one ticker, `last` included; None: to this day."""

    ticker: str
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class DeclaredListing:
    """One security with all its tickers, by date; at least one."""

    key: str
    spans: tuple[TickerDays, ...]
    name: str | None = None
    mic: str | None = None

    @property
    def latest(self) -> str:
        """The ticker that it holds, or held last."""
        return self.spans[-1].ticker

    def ticker_on(self, day: date) -> str | None:
        """The ticker under which it printed on a day."""
        return next((s.ticker for s in self.spans if s.first <= day and (s.last is None or day <= s.last)), None)


def read_listings(files: Sequence[tuple[str, bytes]]) -> list[DeclaredListing]:
    """The securities of a table, or of a folder of map files.

    Raises:
        BadInputError: a file cannot be read, days overlap, or an identity is ambiguous; names file and line.
    """
    listings: list[DeclaredListing] = []
    for name, content in files:
        if _is_map(content):
            listings.append(_map_file(name, content))
        else:
            listings += _table(name, bar_table(name, content))
    held: dict[str, list[tuple[TickerDays, str]]] = defaultdict(list)
    for listing in listings:
        for span in listing.spans:
            held[span.ticker].append((span, listing.key))
    for ticker, spans in held.items():
        _refuse_overlap(ticker, sorted(spans, key=lambda one: one[0].first))
    return listings


def _is_map(content: bytes) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \r\n")[:8].isdigit()


def _map_file(name: str, content: bytes) -> DeclaredListing:
    rows = []
    for line, fields in enumerate(csv.reader(text_of(name, content).splitlines()), start=1):
        if not any(field.strip() for field in fields):
            continue
        try:
            day, ticker = day_of(fields[0]), fields[1]
        except (ValueError, IndexError):
            accepted = "a day as 20140402 and the ticker up to it"
            raise BadInputError(f"{name}, line {line}:", ",".join(fields), accepted) from None
        rows.append((day, canonical_ticker(ticker, f"{name}, line {line}:")))
    rows.sort(key=lambda row: row[0])
    spans: list[TickerDays] = []
    first = rows[0][0]
    for day, ticker in rows[1:] if len(rows) > 1 else rows:
        last = None if day > OPEN_END else day
        if spans and spans[-1].ticker == ticker:
            spans[-1] = replace(spans[-1], last=last)
        else:
            spans.append(TickerDays(ticker, first, last))
        first = day + DAY
    return DeclaredListing(key_of(name), tuple(spans))


def key_of(name: str) -> str:
    """A map or factor file's name without folder and ending: the security's key."""
    base = name.replace("\\", "/").rpartition("/")[2].lower()
    return base.removesuffix(".csv").removesuffix(".zip")


def _table(name: str, table: BarTable) -> Iterable[DeclaredListing]:
    frame = plain_columns(name, table.rows)
    if not {"ticker", "first"} <= set(frame.columns):
        raise BadInputError(f"{name}, columns:", ", ".join(table.rows.columns), _ACCEPTED)
    texts = {
        column: [printable(text.strip()) if text else "" for text in frame[column].cast(pl.String)]
        if column in frame.columns
        else [""] * frame.height
        for column in COLUMNS
    }
    groups: dict[str, list[tuple[TickerDays, str, str]]] = {}
    keys: dict[str, str] = {}
    order = sorted(range(frame.height), key=lambda row: texts["first"][row])
    for row in order:
        where = f"{name}, {table.place} {table.lines[row]}"
        ticker = canonical_ticker(texts["ticker"][row], f"{where}, ticker:")
        first = _day(name, texts["first"][row], table, row)
        last = _day(name, texts["last"][row], table, row) if texts["last"][row] else None
        if last is not None and last < first:
            raise BadInputError(f"{where}, last:", last, f"a day from {first} on")
        before = texts["renamed_from"][row]
        key = texts["identity"][row]
        if before and not key:
            before = canonical_ticker(before, f"{where}, renamed_from:")
            if before not in keys:
                raise BadInputError(f"{where}, renamed_from:", before, "the ticker of a row that begins earlier")
            key = keys[before]
            former = groups[key][-1][0]
            if former.last is None:
                groups[key][-1] = (replace(former, last=first - DAY), *groups[key][-1][1:])
        key = key or f"{ticker}:{first}"
        keys[ticker] = key
        groups.setdefault(key, []).append((TickerDays(ticker, first, last), texts["name"][row], texts["mic"][row]))
    for key, rows in groups.items():
        for (former, *_), (later, *_) in itertools.pairwise(rows):
            if former.last is None or former.last >= later.first:
                raise BadInputError(f"{name}, identity {key}:", later.ticker, f"days after those of {former.ticker}")
        names = [text for _, text, _ in rows if text]
        mics = [text for _, _, text in rows if text]
        yield DeclaredListing(
            key, tuple(span for span, _, _ in rows), names[-1] if names else None, mics[-1] if mics else None
        )


def _day(name: str, text: str, table: BarTable, row: int) -> date:
    day: date = read_sessions(name, pl.Series("day", [text]), table.lines.slice(row, 1), table.place, None, MARKET)[0]
    return day


def _refuse_overlap(ticker: str, spans: Sequence[tuple[TickerDays, str]]) -> None:
    for (former, one), (later, other) in itertools.pairwise(spans):
        if former.last is None or former.last >= later.first:
            accepted = f"days on which one security holds it; {one} and {other} both do on {later.first}"
            raise BadInputError("listings, ticker", ticker, accepted)


def by_key(listings: Iterable[DeclaredListing]) -> Mapping[str, DeclaredListing]:
    """The securities by their key."""
    return {listing.key: listing for listing in listings}
