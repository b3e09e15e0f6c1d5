"""Reading and writing securities and their ticker intervals."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.calls import write_calls
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, held
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.protocol import ReferenceSource
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.loading.coverage import INTERVAL_SCHEMA
from tickstock_dagster.core.securities.ticker_histories import Interval, Security


@contextmanager
def histories_held(engine: sa.Engine) -> Iterator[None]:
    """Keep other processes from changing ticker histories. Not re-entrant; a lost connection releases the lock.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    with held(engine, Lock.LISTINGS):
        yield


def read_securities(engine: sa.Engine, market: str) -> list[Security]:
    """Every security of a market (MIC), with its whole history."""
    histories: dict[int, list[Interval]] = {}
    heads: dict[int, tuple[str | None, date | None, bool]] = {}
    with transaction(engine) as connection:
        for row in connection.execute(
            statement("securities/securities_read"), {"market": market, "abroad": list(ABROAD)}
        ):
            security_id, figi, delisted_on, on_lists, *interval = row
            heads[security_id] = (figi, delisted_on, on_lists)
            histories.setdefault(security_id, []).append(Interval(*interval))
    return [
        Security(
            identity=figi or f"ticker:{histories[security_id][-1].ticker}",
            intervals=tuple(histories[security_id]),
            security_id=security_id,
            delisted_on=delisted_on,
            on_lists=on_lists,
        )
        for security_id, (figi, delisted_on, on_lists) in heads.items()
    ]


def read_intervals(engine: sa.Engine, tickers: Sequence[str] | None = None) -> pl.DataFrame:
    """Listing intervals as `INTERVAL_SCHEMA`: of securities that hold or last held one of `tickers`; None: of all."""
    with transaction(engine) as connection:
        rows = connection.execute(
            statement("securities/intervals_read"), {"tickers": list(tickers) if tickers is not None else None}
        ).fetchall()
    return pl.DataFrame(rows, schema=INTERVAL_SCHEMA, orient="row")


def intervals_of(engine: sa.Engine, security_ids: Sequence[int] | None) -> pl.DataFrame:
    """Listing intervals of some securities, as `INTERVAL_SCHEMA`; None: of all."""
    values = {"security_ids": None if security_ids is None else list(security_ids)}
    with transaction(engine) as connection:
        rows = connection.execute(statement("securities/intervals_of"), values).fetchall()
    return pl.DataFrame(rows, schema=INTERVAL_SCHEMA, orient="row")


def lists_observed(engine: sa.Engine, market: str, source: str, *, empty: bool = False) -> list[date]:
    """Dates whose ticker list is stored, ascending.

    Args:
        engine: the store's.
        market: MIC of the calendar.
        source: name of the source.
        empty: include dates before the source's first row, whose list is empty.
    """
    values = {"market": market, "source": source, "empty": empty}
    with transaction(engine) as connection:
        return [row[0] for row in connection.execute(statement("securities/lists_observed"), values)]


def write_securities(
    context: LoadContext[ReferenceSource],
    securities: Iterable[Security],
    ends: Sequence[FinishedUnit],
    *,
    also: Callable[[psycopg.Cursor], None] | None = None,
) -> None:
    """Store changed histories, the units that observed them and the calls made for them, in one transaction.

    Args:
        context: of the load.
        securities: changed ones, each with its whole history.
        ends: units to finish.
        also: writes what depends on the histories, in the same transaction, after them.
    """
    changed, calls, now = list(securities), context.drain(), context.now()
    with transaction(context.engine) as connection, connection.cursor() as cursor:
        stored = [_write_security(cursor, security, now) for security in changed]
        # Delete all old intervals before inserting new ones: a ticker may pass from one security to another.
        cursor.execute(statement("securities/intervals_delete"), {"security_ids": stored})
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
                    "gone_on": interval.gone_on,
                    "stated_from": interval.stated_from,
                    "stated_to": interval.stated_to,
                }
                for security_id, security in zip(stored, changed, strict=True)
                for interval in security.intervals
            ],
        )
        cursor.execute(statement("securities/intervals_traded"), {"security_ids": stored})
        cursor.execute(statement("loading/gaps_unlisted"), {"security_ids": stored})
        if also is not None:
            also(cursor)
        finish_units(cursor, ends, run_id=context.run_id, now=now)
        write_calls(cursor, calls, context.source.name, context.run_id)


def _write_security(cursor: psycopg.Cursor, security: Security, now: datetime) -> int:
    facts = security.facts
    values = {
        "security_id": security.security_id,
        "composite_figi": None if security.identity.startswith("ticker:") else security.identity,
        "name": facts.name if facts else None,
        "equity_type": facts.equity_type if facts else None,
        "primary_exchange": facts.primary_exchange if facts else None,
        "cik": facts.cik if facts else None,
        "share_class_figi": facts.share_class_figi if facts else None,
        "delisted_on": security.delisted_on,
        "now": now,
    }
    if security.security_id is None:
        cursor.execute(statement("securities/security_insert"), values)
        row = cursor.fetchone()
        assert row is not None  # noqa: S101  # INSERT … RETURNING of one row
        return int(row[0])
    cursor.execute(statement("securities/security_update"), values)
    return security.security_id
