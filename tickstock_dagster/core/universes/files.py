"""Universes as text files: lists of tickers, and members with the days of their membership.

CSV with a header: `ticker` (or `symbol`), and for dated universes `start_date` and `end_date` (or `valid_from` and
`valid_to`), ISO dates; the start is empty for a member since the start, the end is the first day after the membership,
empty while it lasts. Resolving tickers belongs in the adapters.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.tickers import canonical_ticker
from tickstock_dagster.core.universes.memberships import ALWAYS

_NAMES = {
    "ticker": ("ticker", "symbol"),
    "start": ("start_date", "valid_from"),
    "end": ("end_date", "valid_to"),
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1900, 2100
_LISTED = 10


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One line: the ticker is a member on [valid_from, valid_to); both are None in a plain list.

    A member since the start has `ALWAYS` for its first day.
    """

    line: int
    ticker: str
    valid_from: date | None
    valid_to: date | None


def parse_members(text: str, name: str = "file") -> tuple[MemberLine, ...]:
    """Read a universe's file.

    Args:
        text: the whole file.
        name: name of the file in errors.

    Raises:
        BadInputError: no ticker column, no line, an invalid ticker or date, an end that is not after its start, or a
            ticker that is a member twice on one day; the message names the lines (ten at most) and what is accepted.
    """
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        header = next((fields for fields in reader if any(field.strip() for field in fields)), [])
        columns = _columns(header, name)
        rows = []
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue  # a blank line says nothing
            if len(fields) != len(header):
                accepted = f"{len(header)} fields, as its header has"
                raise BadInputError(f"{name} line {reader.line_num}", f"{len(fields)} fields", accepted)
            rows.append(_line(fields, columns, reader.line_num, name))
    except csv.Error as error:
        raise BadInputError(f"{name} line {reader.line_num}", str(error), "fields separated by commas") from None
    if not rows:
        raise BadInputError(name, "no line", "at least one line after the header")
    doubled = list(_doubled(rows))
    if doubled:
        words = "; ".join(
            f"{after.ticker} in lines {before.line} and {after.line}" for before, after in doubled[:_LISTED]
        )
        more = f" and {len(doubled) - _LISTED} more" if len(doubled) > _LISTED else ""
        raise BadInputError(name, f"{words}{more}", "each ticker once on each day")
    return tuple(rows)


def format_members(rows: Iterable[MemberLine]) -> str:
    """The lines as the text of a file; dates only where some row has them."""
    kept = list(rows)
    if not any(row.valid_from or row.valid_to for row in kept):
        return "\n".join(["ticker", *(row.ticker for row in kept)]) + "\n"
    lines = ["ticker,start_date,end_date"]
    for row in kept:
        start = "" if row.valid_from in (None, ALWAYS) else row.valid_from
        lines.append(f"{row.ticker},{start},{row.valid_to or ''}")
    return "\n".join(lines) + "\n"


def days_within(rows: Iterable[MemberLine], earliest: date) -> list[date]:
    """The fewest days such that each row's days from `earliest` on contain one of them; ascending.

    Rows without dates, and those that end before `earliest`, need none. (Greedy stabbing of intervals by their ends.)
    """
    spans = sorted(
        (row.valid_to, max(row.valid_from, earliest))
        for row in rows
        if row.valid_from and row.valid_to and row.valid_to > earliest
    )
    days: list[date] = []
    for ends, begins in spans:
        if not days or days[-1] < begins:
            days.append(ends - timedelta(days=1))
    return days


def _columns(header: Sequence[str], name: str) -> dict[str, tuple[int, str]]:
    """Place and name of each column that is read."""
    written = [text.strip().lower() for text in header]
    for kind, names in _NAMES.items():
        if len(twice := [header[place].strip() for place, text in enumerate(written) if text in names]) > 1:
            raise BadInputError(f"{name} header", " and ".join(twice), f"one column of the {kind}")
    found = {
        kind: next(((place, header[place].strip()) for place, text in enumerate(written) if text in names), None)
        for kind, names in _NAMES.items()
    }
    if found["ticker"] is None:
        raise BadInputError(f"{name} header", ",".join(header), "a column ticker, or ticker,start_date,end_date")
    if (found["start"] is None) != (found["end"] is None):
        raise BadInputError(f"{name} header", ",".join(header), "both start_date and end_date, or neither")
    return {kind: place for kind, place in found.items() if place is not None}


def _line(fields: Sequence[str], columns: dict[str, tuple[int, str]], number: int, name: str) -> MemberLine:
    where = f"{name} line {number}"
    ticker = canonical_ticker(fields[columns["ticker"][0]], f"{where}, ticker")
    start = _day(fields, columns.get("start"), where)
    end = _day(fields, columns.get("end"), where)
    if "start" in columns and start is None:
        start = ALWAYS
    if start and end and end <= start:
        raise BadInputError(f"{where}, {columns['end'][1]}", end, f"a day after {start}")
    return MemberLine(number, ticker, start, end)


def _day(fields: Sequence[str], column: tuple[int, str] | None, where: str) -> date | None:
    text = fields[column[0]].strip() if column else ""
    if not column or not text:
        return None
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadInputError(f"{where}, {column[1]}", text, "a date as YYYY-MM-DD")
    return day


def _doubled(rows: Sequence[MemberLine]) -> Iterable[tuple[MemberLine, MemberLine]]:
    newest: dict[str, MemberLine] = {}
    for row in sorted(rows, key=lambda row: (row.ticker, row.valid_from or date.min, row.line)):
        before = newest.get(row.ticker)
        if before is not None and (
            before.valid_to is None or row.valid_from is None or row.valid_from < before.valid_to
        ):
            yield before, row
        newest[row.ticker] = row
