"""Reading Massive's answer about coming special days: a bare array, future days only, one row per exchange.

Facts about the format come from the vendor's OpenAPI files. Comparing the days with a calendar belongs in
`core.calendars.quorum`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tickstock_dagster.adapters.sources.massive.envelope import malformed, read_json
from tickstock_dagster.adapters.sources.massive.errors import refusal_inside
from tickstock_dagster.adapters.sources.massive.values import shown
from tickstock_dagster.adapters.sources.protocol import SpecialDay
from tickstock_dagster.core.printable import printable


@dataclass(frozen=True, slots=True)
class SpecialDays:
    """A decoded answer, and what is odd about rows that were set aside."""

    days: tuple[SpecialDay, ...]
    odd: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows in the answer."""
        return len(self.days)


def special_days(body: bytes) -> SpecialDays:
    """The special days of an answer, as sent.

    No field is required by the vendor's schema, and the status is free text: a row without exchange, date or close, or
    of another status, is set aside.

    Raises:
        MalformedAnswerError: not a JSON array, or no row that is a special day: there is always a holiday to come.
    """
    rows = read_json(body)
    if isinstance(rows, dict) and rows.get("status") == "NOT_AUTHORIZED":
        raise refusal_inside(rows)
    if not isinstance(rows, list) or not rows:
        raise malformed(f"{shown(rows)} instead of a list of special days")
    days, odd = list[SpecialDay](), list[str]()
    for row in rows:
        day = _special_day(row)
        if isinstance(day, SpecialDay):
            days.append(day)
        else:
            odd.append(day)
    if not days:
        raise malformed(odd[0])
    return SpecialDays(tuple(days), tuple(odd))


def _special_day(row: Any) -> SpecialDay | str:
    """A row's day, or what is odd about it."""
    if not isinstance(row, dict) or row.get("status") not in ("closed", "early-close"):
        return f"{shown(row)} is neither a closed day nor an early close"
    exchange, name = row.get("exchange"), row.get("name")
    try:
        day = date.fromisoformat(row["date"])
        closes_at = datetime.fromisoformat(row["close"]) if row["status"] == "early-close" else None
    except (KeyError, TypeError, ValueError):
        return f"{shown(row)} lacks its date, or its close"
    if closes_at is not None and closes_at.tzinfo is None:
        return f"{shown(row)} has a close without a zone"
    if not isinstance(exchange, str):
        return f"{shown(row)} lacks its exchange"
    return SpecialDay(printable(exchange), day, printable(name) if isinstance(name, str) else "", closes_at)
