"""Reading what Massive announces: news that name a ticker, and coming special days of the exchanges.

News are from bytes to `NEWS_SCHEMA`. The answer about special days is a bare array, of future days only, one row per
exchange; comparing the days with a calendar belongs in `core.calendars.quorum`. Facts about the formats come from the
vendor's OpenAPI files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from tickstock_dagster.adapters.sources.massive.envelope import (
    Page,
    check_any,
    malformed,
    next_page,
    read_answer,
    read_json,
    result_rows,
)
from tickstock_dagster.adapters.sources.massive.errors import refusal_inside
from tickstock_dagster.adapters.sources.massive.values import Oddities, Rows, is_ticker, shown, texts
from tickstock_dagster.adapters.sources.protocol import NEWS_SCHEMA, SpecialDay
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


def news_page(
    body: bytes, ticker: str, after: datetime, until: datetime, base_path: str = "", hosts: Sequence[str] = ()
) -> Page:
    """One page of `/v2/reference/news` as `NEWS_SCHEMA`.

    A row without a time or a title, of a time that was not requested, or that does not name the ticker is set aside: it
    is no evidence of anything.

    Args:
        body: of a 200.
        ticker: the requested ticker.
        after: first requested instant, aware.
        until: last requested instant, aware.
        base_path: of the vendor's address.
        hosts: of the vendor's address.

    Raises:
        MalformedAnswerError: see `adapters.sources.massive.envelope`; also no row with a time, or none that names the
            ticker.
    """
    answer = read_answer(body)
    odd = Oddities()
    # The vendor's own count of news differs from its rows, so that it proves nothing.
    counted = {**answer, "count": None} if answer.get("results") else answer
    rows = result_rows(counted, "count", odd, count_required=False)
    times = [_instant(row, position, after, until, odd) for position, row in enumerate(rows)]
    check_any(rows, odd, "a time that was requested")
    named = [_tickers(row, position, odd) for position, row in enumerate(rows)]
    if rows and not any(ticker in found for found in named):
        raise malformed(f"no row of {len(rows)} names {ticker}")
    titles = texts(rows, "title", "title", odd)
    for position, found in enumerate(named):
        if ticker not in found:
            odd.note(position, f"the row does not name {ticker}")
        elif titles[position] is None:
            odd.note(position, "the row has no title")
    publishers: Rows = [one if type(one := row.get("publisher")) is dict else {} for row in rows]
    columns = [
        pl.Series("published_at", times, dtype=pl.Datetime("us", "UTC")),
        titles,
        texts(publishers, "name", "publisher", odd),
        texts(rows, "article_url", "url", odd),
        pl.Series("tickers", named, dtype=pl.List(pl.String)),
    ]
    usable = [position not in odd for position in range(len(rows))]
    frame = pl.DataFrame(columns, schema=NEWS_SCHEMA).filter(pl.Series(usable, dtype=pl.Boolean))
    return Page(frame, next_page(answer, base_path, hosts), odd.lines([row.get("title") for row in rows]))


def _instant(row: dict[str, Any], position: int, after: datetime, until: datetime, odd: Oddities) -> datetime | None:
    """When an article was published; None where that is no instant, or none that was requested."""
    text = row.get("published_utc")
    try:
        found = datetime.fromisoformat(text) if type(text) is str else None
    except ValueError:
        found = None
    if found is None:
        odd.note(position, f"published_utc {shown(text)} is not a time")
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if not after <= found <= until:
        odd.note(position, f"the row is of {found:%Y-%m-%d %H:%M} UTC, which was not requested")
        return None
    return found


def _tickers(row: dict[str, Any], position: int, odd: Oddities) -> list[str]:
    """The tickers that an article names; what is no ticker is left out, since an article may name anything."""
    found = row.get("tickers")
    if not isinstance(found, list):
        odd.note(position, f"tickers is {shown(found)} instead of a list")
        return []
    return [one for one in found if type(one) is str and is_ticker(one)]
