"""Reading Massive's answer about coming special days: a bare array, future days only, one row per exchange.

Facts about the format come from the vendor's OpenAPI files. Comparing the days with a calendar belongs in
`core.calendars.quorum`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from tickstock_dagster.adapters.sources.massive.envelope import malformed, shown
from tickstock_dagster.adapters.sources.protocol import SpecialDay


@dataclass(frozen=True, slots=True)
class SpecialDays:
    """A decoded answer."""

    days: tuple[SpecialDay, ...]

    @property
    def rows(self) -> int:
        """Rows in the answer."""
        return len(self.days)


def special_days(body: bytes) -> SpecialDays:
    """The special days of an answer, as sent.

    Raises:
        MalformedAnswerError: not a JSON array, a row that is not a special day, or no row: there is always a holiday to
            come.
    """
    try:
        rows = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise malformed(f"the body is cut or not JSON ({len(body)} bytes)") from None
    if not isinstance(rows, list) or not rows:
        raise malformed(f"{shown(rows)} instead of a list of special days")
    return SpecialDays(tuple(_special_day(row) for row in rows))


def _special_day(row: Any) -> SpecialDay:
    if not isinstance(row, dict) or row.get("status") not in ("closed", "early-close"):
        raise malformed(f"{shown(row)} is neither a closed day nor an early close")
    try:
        day = date.fromisoformat(row["date"])
        closes_at = datetime.fromisoformat(row["close"]) if row["status"] == "early-close" else None
    except (KeyError, TypeError, ValueError):
        raise malformed(f"{shown(row)} lacks its date, or its close") from None
    if closes_at is not None and closes_at.tzinfo is None:
        raise malformed(f"{shown(row)} has a close without a zone")
    return SpecialDay(str(row.get("exchange", "")), day, str(row.get("name", "")), closes_at)
