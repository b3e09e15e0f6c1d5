"""Storing what a file of bars shows about listings. No list of a vendor is asked, compared or contradicted.

`core.securities.file_listings` decides which rows belong to which security.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import histories_held
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.core.securities.file_listings import DAY, FileSpan, HeldInterval, place_spans


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
    spans = [span for span in file_spans(source) if span.ticker in wanted]
    if not spans:
        return FileListingReport(0, 0, ())
    with histories_held(engine), transaction(engine) as connection, connection.cursor() as cursor:
        held: dict[str, list[HeldInterval]] = defaultdict(list)
        for row in cursor.execute(
            statement("securities/intervals_of_tickers"), {"tickers": [span.ticker for span in spans]}
        ):
            held[row[1]].append(HeldInterval(*row))
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
    return FileListingReport(len(found.begun), len(found.widened), found.apart)


def file_spans(source: FileSource) -> list[FileSpan]:
    """The days of each ticker's rows; with declared ends, the end of those that stop before the file does."""
    spans = source.spans()
    last: date | None = spans["last"].max()  # type: ignore[assignment]  # a column of dates
    return [
        FileSpan(ticker, begins, ends, ends + DAY if source.options.ended and last and ends < last else None)
        for ticker, begins, ends in spans.iter_rows()
    ]
