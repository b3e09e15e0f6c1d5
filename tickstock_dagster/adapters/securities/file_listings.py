"""Storing what a file of bars shows about listings. No list of a vendor is asked, compared or contradicted.

`core.securities.file_listings` decides which rows belong to which security.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import histories_held
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.core.bars.listing_files import DeclaredListing
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.securities.file_listings import DAY, FileSpan, HeldInterval, overlap, place_spans


@dataclass(frozen=True, slots=True)
class FileListingReport:
    """What was stored: new securities, intervals that reach further, tickers of which some rows stand apart."""

    begun: int
    widened: int
    apart: tuple[str, ...]


def store_file_listings(
    engine: sa.Engine, source: FileSource, tickers: Sequence[str], *, now: datetime
) -> FileListingReport:
    """Make sure that every row of some tickers belongs to a security; a second call changes nothing.

    Args:
        engine: the store's.
        source: the file; its declared ends are taken over.
        tickers: those of the load; others of the file stay as they are.
        now: aware.

    Raises:
        BadInputError: the file cannot be read; nothing was written.
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    wanted = set(tickers)
    closed = library_calendar(MARKET).latest_closed_session(now)
    all_spans = file_spans(source, until=closed)
    spans = [span for span in all_spans if span.ticker in wanted]
    if not spans:
        return FileListingReport(0, 0, ())
    declared = [listing for listing in source.declared if wanted & {span.ticker for span in listing.spans}]
    with histories_held(engine), transaction(engine) as connection, connection.cursor() as cursor:
        if declared:
            _store_declared(cursor, source, declared, now)
        held = _held(cursor, [span.ticker for span in spans])
        found = place_spans(spans, held, source.sessions_of)
        if found.widened:
            cursor.executemany(
                statement("securities/file_listing_widen"),
                [
                    {
                        "security_id": was.security_id,
                        "was_from": was.valid_from,
                        "valid_from": becomes.valid_from,
                        "valid_to": becomes.valid_to,
                        "seen_from": becomes.seen_from,
                        "seen_to": becomes.seen_to,
                    }
                    for was, becomes in found.widened
                ],
            )
        if found.begun:
            values: dict[str, object] = {
                name: [getattr(interval, name) for interval in found.begun]
                for name in ("valid_from", "valid_to", "seen_from", "seen_to")
            }
            values |= {"tickers": [interval.ticker for interval in found.begun], "now": now}
            cursor.execute(statement("securities/file_listing_begin"), values)
        reach = {"tickers": sorted(wanted), "last": max(span.last for span in all_spans)}
        cursor.execute(statement("securities/file_listing_reach"), reach)
    return FileListingReport(len(found.begun), len(found.widened), found.apart)


def _held(cursor: psycopg.Cursor, tickers: Sequence[str]) -> dict[str, list[HeldInterval]]:
    held: dict[str, list[HeldInterval]] = defaultdict(list)
    for row in cursor.execute(statement("securities/intervals_of_tickers"), {"tickers": list(tickers)}):
        held[row[1]].append(HeldInterval(*row))
    return held


def _store_declared(
    cursor: psycopg.Cursor, source: FileSource, declared: Sequence[DeclaredListing], now: datetime
) -> None:
    """Store declared securities that nobody knows yet, each with all its tickers.

    One that a list has shown keeps the boundaries that lists and vendors have drawn; one that only files have shown
    takes those that are declared now.
    """
    held = _held(cursor, sorted({span.ticker for listing in declared for span in listing.spans}))
    for listing in declared:
        intervals = declared_intervals(listing, source.sessions_of)
        owners = {
            other.security_id: other
            for interval in intervals
            for other in held.get(interval.ticker, ())
            if overlap(interval, other)
        }
        if len(owners) > 1 or any(owner.on_lists for owner in owners.values()):
            continue
        if owners:
            [security_id] = owners
            cursor.execute(statement("securities/intervals_delete"), {"security_ids": [security_id]})
        else:
            values = {"name": listing.name, "mic": listing.mic, "now": now}
            cursor.execute(statement("securities/file_security_insert"), values)
            row = cursor.fetchone()
            assert row is not None  # noqa: S101  # INSERT … RETURNING of one row
            security_id = int(row[0])
        cursor.executemany(
            statement("securities/interval_insert"),
            [
                {
                    "security_id": security_id,
                    "ticker": interval.ticker,
                    "valid_from": interval.valid_from,
                    "valid_to": interval.valid_to,
                    "start_known": interval.start_known,
                    "seen_from": interval.seen_from,
                    "seen_to": interval.seen_to,
                    # A file's rows show a listing; no list lacks it, and no vendor states its tickers.
                    "gone_on": None,
                    "stated_from": None,
                    "stated_to": None,
                }
                for interval in intervals
            ],
        )


def file_spans(source: FileSource, until: date | None = None) -> list[FileSpan]:
    """The days of each ticker's rows, up to a day; with declared ends, the end of those that stop before the file."""
    spans = source.spans(until)
    last: date | None = spans["last"].max()  # type: ignore[assignment]  # a column of dates
    return [
        FileSpan(ticker, begins, ends, ends + DAY if source.options.ended and last and ends < last else None)
        for ticker, begins, ends in spans.iter_rows()
    ]


def declared_intervals(
    listing: DeclaredListing, sessions_of: Callable[[str], Sequence[date]]
) -> tuple[HeldInterval, ...]:
    """The intervals of a declared security; sighted where the file has rows in them, else on their first day."""
    intervals = []
    for span in listing.spans:
        rows = [
            day for day in sessions_of(span.ticker) if span.first <= day and (span.last is None or day <= span.last)
        ]
        seen = (rows[0], rows[-1]) if rows else (span.first, span.first)
        until = span.last + DAY if span.last is not None else None
        intervals.append(HeldInterval(0, span.ticker, span.first, until, "vendor", *seen, on_lists=False))
    return tuple(intervals)
