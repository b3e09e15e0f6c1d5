"""Reading and writing symbols as of a day: versions of dated lists, and details.

Asking the vendor belongs in `adapters.securities.symbol_master`; histories of tickers belong in
`adapters.securities.listing_store`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.calls import write_calls
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.protocol import ReferenceSource, TickerDetails
from tickstock_dagster.core.intervals import covers
from tickstock_dagster.core.securities.listing_records import Listed
from tickstock_dagster.core.securities.sectors import sector_of
from tickstock_dagster.core.securities.symbol_versions import SymbolFacts, SymbolVersion, VersionChanges, fold_list

VERSION_COLUMNS: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64, "seen_from": pl.Date, "seen_to": pl.Date, "ticker": pl.String, "name": pl.String,
    "equity_type": pl.String, "primary_exchange": pl.String, "cik": pl.String, "share_class_figi": pl.String,
}  # fmt: skip
DETAIL_COLUMNS: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64, "sic_code": pl.String, "sic_description": pl.String, "sector": pl.String,
    "shares": pl.Int64, "list_date": pl.Date,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListedSymbol:
    """One row of a day's list, of a known security."""

    security_id: int
    ticker: str
    name: str | None
    equity_type: str | None
    primary_exchange: str | None


@dataclass(frozen=True, slots=True)
class DueSymbol:
    """A symbol whose details are due; `asked` is the session of the last answer, None where there was none."""

    security_id: int
    ticker: str
    name: str | None
    equity_type: str | None
    composite_figi: str | None
    asked: date | None


def fold_symbols(
    cursor: psycopg.Cursor,
    readings: Sequence[tuple[date, Sequence[Listed]]],
    lists: Sequence[date],
    *,
    now: datetime,
) -> VersionChanges:
    """Merge lists whose histories are stored into the versions, in the caller's transaction.

    Rows of a security that, by its history, does not hold the row's ticker on that day are left out.

    Args:
        cursor: inside a transaction.
        readings: at least one list: its date and its rows; in the order in which they are merged.
        lists: dates of the lists stored before.
        now: aware.

    Returns:
        The rows that were written and deleted, and what the last of the lists changes.
    """
    first, last = min(on for on, _ in readings), max(on for on, _ in readings)
    holders = cursor.execute(statement("securities/symbols_holders"), {"first": first, "last": last}).fetchall()
    bounds = {
        "before": max((day for day in lists if day < first), default=first),
        "after": min((day for day in lists if day > last), default=last),
    }
    stored = {
        version.key: version
        for version in (
            SymbolVersion(found[0], found[1], found[2], SymbolFacts(*found[3:]))
            for found in cursor.execute(statement("securities/symbols_versions"), bounds)
        )
    }
    versions, observed, changes = dict(stored), list(lists), VersionChanges()
    for on, listed in readings:
        changes = fold_list(versions.values(), _facts_by_security(listed, holders, on), on, observed)
        for key in changes.deleted:
            del versions[key]
        versions.update({version.key: version for version in changes.written})
        observed.append(on)
    changes.written = [version for key, version in versions.items() if stored.get(key) != version]
    changes.deleted = sorted(stored.keys() - versions.keys())
    if changes.written or changes.deleted:
        # PostgreSQL cannot prepare several statements at once.
        cursor.execute(statement("securities/symbols_stage"), prepare=False)
        copy_frame(cursor, "stage_symbols", _version_frame(changes.written))
        gone = pl.DataFrame(changes.deleted, schema=["security_id", "seen_from"], orient="row")
        copy_frame(cursor, "stage_symbols_gone", gone)
        cursor.execute(statement("securities/symbols_delete"))
        cursor.execute(statement("securities/symbols_write"), {"now": now})
    return changes


def _facts_by_security(
    listed: Iterable[Listed], holders: Iterable[tuple[Any, ...]], on: date
) -> dict[int, SymbolFacts]:
    """A list's rows by the security that holds their ticker on its date."""
    held = {ticker: (one, figi) for ticker, one, figi, since, until in holders if covers(since, until, on)}
    rows: dict[int, SymbolFacts] = {}
    for row in listed:
        security_id, figi = held.get(row.ticker, (None, None))
        if security_id is not None and (row.composite_figi is None or figi in (None, row.composite_figi)):
            facts = SymbolFacts(
                row.ticker, row.name, row.equity_type, row.primary_exchange, row.cik, row.share_class_figi
            )
            rows.setdefault(security_id, facts)
    return rows


def _version_frame(versions: Sequence[SymbolVersion]) -> pl.DataFrame:
    columns = {
        name: [getattr(version if hasattr(version, name) else version.facts, name) for version in versions]
        for name in VERSION_COLUMNS
    }
    return pl.DataFrame(columns, schema=VERSION_COLUMNS)


def symbols_listed(engine: sa.Engine, on: date) -> list[ListedSymbol]:
    """The list of an observed day, by ticker; empty where none is stored."""
    with transaction(engine) as connection:
        return [ListedSymbol(*row) for row in connection.execute(statement("securities/symbols_listed"), {"on": on})]


def details_due(engine: sa.Engine, market: str, source: str, on: date, stale: date) -> list[DueSymbol]:
    """Symbols of a day without an answer since `stale`, or since their row changed.

    Those without any answer come first, then the oldest answers.

    Args:
        engine: the store's.
        market: MIC of the calendar.
        source: name of the source.
        on: the day whose list counts.
        stale: the oldest session whose details are still good.
    """
    values = {"market": market, "source": source, "on": on, "stale": stale}
    with transaction(engine) as connection:
        return [DueSymbol(*row) for row in connection.execute(statement("securities/details_due"), values)]


def details_queued(engine: sa.Engine, market: str, source: str) -> frozenset[str]:
    """Tickers whose details are open in the processing queue.

    Args:
        engine: the store's.
        market: MIC of the calendar.
        source: name of the source.
    """
    with transaction(engine) as connection:
        rows = connection.execute(statement("securities/details_queued"), {"market": market, "source": source})
        return frozenset(ticker for (ticker,) in rows)


def details_wanted(engine: sa.Engine, on: date, tickers: Sequence[str]) -> dict[str, DueSymbol]:
    """Symbols of a day by their tickers; those that the day's list does not have are left out.

    Args:
        engine: the store's.
        on: the day whose list counts.
        tickers: as printed.
    """
    with transaction(engine) as connection:
        rows = connection.execute(statement("securities/details_wanted"), {"on": on, "tickers": list(tickers)})
        return {row[1]: DueSymbol(*row) for row in rows}


def write_details(
    context: LoadContext[ReferenceSource],
    on: date,
    answers: Sequence[tuple[int, TickerDetails]],
    ends: Sequence[FinishedUnit],
) -> None:
    """Store details as of a session, the units that asked for them and the calls, in one transaction.

    Args:
        context: of the load.
        on: the session.
        answers: (security_id, details), each security once.
        ends: units to finish.
    """
    calls, now = context.drain(), context.now()
    with transaction(context.engine) as connection, connection.cursor() as cursor:
        store_details(cursor, on, answers, source=context.source.name, now=now)
        finish_units(cursor, ends, run_id=context.run_id, now=now)
        write_calls(cursor, calls, context.source.name, context.run_id)


def store_details(
    cursor: psycopg.Cursor, on: date, answers: Sequence[tuple[int, TickerDetails]], *, source: str, now: datetime
) -> None:
    """Store details as of a session, in the caller's transaction, once in each.

    A list date between a list that lacks a security and its first look narrows that bracket to itself.

    Args:
        cursor: inside a transaction.
        on: the session.
        answers: (security_id, details), each security once.
        source: name of the source.
        now: aware.
    """
    rows = [
        {
            "security_id": security_id,
            "sic_code": details.sic_code,
            "sic_description": details.sic_description,
            "sector": sector_of(details.sic_code, details.sic_description),
            "shares": details.shares_outstanding if (details.shares_outstanding or 0) > 0 else None,
            "list_date": details.list_date,
        }
        for security_id, details in sorted(answers, key=lambda answer: answer[0])
    ]
    at = {"on": on, "source": source, "now": now}
    cursor.execute(statement("securities/details_stage"), prepare=False)
    copy_frame(cursor, "stage_details", pl.DataFrame(rows, schema=DETAIL_COLUMNS))
    cursor.execute(statement("securities/details_write"), at, prepare=False)
    cursor.execute(statement("securities/brackets_by_list_date"), prepare=False)
    cursor.execute(statement("securities/shares_write"), at, prepare=False)
