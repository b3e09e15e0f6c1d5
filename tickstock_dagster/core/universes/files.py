"""Universes as text files: lists of tickers, and members with the days of their membership.

CSV with a header: `ticker` (or `symbol`), and for dated universes `start_date` and `end_date` (or `valid_from` and
`valid_to`), ISO dates; the end is the first day after the membership, empty while it lasts. Resolving tickers belongs
in the adapters.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.tickers import canonical_ticker

_NAMES = {
    "ticker": ("ticker", "symbol"),
    "start": ("start_date", "valid_from"),
    "end": ("end_date", "valid_to"),
}
_LISTED = 10


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One line: the ticker is a member on [valid_from, valid_to); both are None in a plain list."""

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
    reader = csv.DictReader(text.splitlines())
    columns = _columns(reader.fieldnames or (), name)
    rows = [_line(row, columns, reader.line_num, name) for row in reader]
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
    dated = any(row.valid_from or row.valid_to for row in kept)
    lines = ["ticker,start_date,end_date" if dated else "ticker"]
    lines += [f"{row.ticker},{row.valid_from or ''},{row.valid_to or ''}" if dated else row.ticker for row in kept]
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


def _columns(header: Sequence[str], name: str) -> dict[str, str]:
    found = {
        kind: next((text for text in header if text.strip().lower() in names), None) for kind, names in _NAMES.items()
    }
    if found["ticker"] is None:
        raise BadInputError(f"{name} header", ",".join(header), "a column ticker, or ticker,start_date,end_date")
    if (found["start"] is None) != (found["end"] is None):
        raise BadInputError(f"{name} header", ",".join(header), "both start_date and end_date, or neither")
    return {kind: text for kind, text in found.items() if text is not None}


def _line(row: dict[str, str | None], columns: dict[str, str], number: int, name: str) -> MemberLine:
    where = f"{name} line {number}"
    ticker = canonical_ticker(row[columns["ticker"]] or "", f"{where}, ticker")
    start = _day(row, columns.get("start"), where)
    end = _day(row, columns.get("end"), where)
    if "start" in columns and start is None:
        raise BadInputError(f"{where}, {columns['start']}", "nothing", "a date as YYYY-MM-DD")
    if start and end and end <= start:
        raise BadInputError(f"{where}, {columns['end']}", end, f"a day after {start}")
    return MemberLine(number, ticker, start, end)


def _day(row: dict[str, str | None], column: str | None, where: str) -> date | None:
    text = (row[column] or "").strip() if column else ""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInputError(f"{where}, {column}", text, "a date as YYYY-MM-DD") from None


def _doubled(rows: Sequence[MemberLine]) -> Iterable[tuple[MemberLine, MemberLine]]:
    newest: dict[str, MemberLine] = {}
    for row in sorted(rows, key=lambda row: (row.ticker, row.valid_from or date.min, row.line)):
        before = newest.get(row.ticker)
        if before is not None and (
            before.valid_to is None or row.valid_from is None or row.valid_from < before.valid_to
        ):
            yield before, row
        newest[row.ticker] = row
