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

_FACT_COLUMNS = ("name", "equity_type", "primary_exchange", "cik", "share_class_figi")
_INTERVAL_COLUMNS = (
    "ticker", "valid_from", "valid_to", "start_known", "seen_from", "seen_to", "gone_on", "stated_from", "stated_to",
)  # fmt: skip


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
    # An array as PostgreSQL reads it: the driver would write 11,000 numbers one by one.
    values = {"security_ids": None if security_ids is None else f"{{{','.join(map(str, security_ids))}}}"}
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
        stored = _write_facts(cursor, changed, now)
        # Delete all old intervals before inserting new ones: a ticker may pass from one security to another.
        cursor.execute(statement("securities/intervals_delete"), {"security_ids": stored})
        written = [(one, run) for one, security in zip(stored, changed, strict=True) for run in security.intervals]
        cursor.execute(
            statement("securities/intervals_insert"),
            {name: [getattr(run, name) for _, run in written] for name in _INTERVAL_COLUMNS}
            | {"security_id": [one for one, _ in written]},
        )
        cursor.execute(statement("securities/intervals_traded"), {"security_ids": stored})
        cursor.execute(statement("loading/gaps_unlisted"), {"security_ids": stored})
        if also is not None:
            also(cursor)
        finish_units(cursor, ends, run_id=context.run_id, now=now)
        write_calls(cursor, calls, context.source.name, context.run_id)


def _write_facts(cursor: psycopg.Cursor, securities: Sequence[Security], now: datetime) -> list[int]:
    """Store what the lists say of securities, in one statement for the known ones and one for the new; their ids."""
    known = [security for security in securities if security.security_id is not None]
    cursor.execute(
        statement("securities/securities_update"),
        {"security_id": [security.security_id for security in known], "now": now, **_facts(known)},
    )
    new = [security for security in securities if security.security_id is None]
    cursor.execute(statement("securities/securities_insert"), {"now": now, **_facts(new)})
    ids = iter(sorted(row[0] for row in cursor))  # in the order given
    return [next(ids) if security.security_id is None else security.security_id for security in securities]


def _facts(securities: Sequence[Security]) -> dict[str, list[str | date | None]]:
    """One list a column."""
    columns: dict[str, list[str | date | None]] = {
        name: [getattr(security.facts, name, None) for security in securities] for name in _FACT_COLUMNS
    }
    figis = [None if security.identity.startswith("ticker:") else security.identity for security in securities]
    return columns | {
        "composite_figi": list(figis),
        "delisted_on": [security.delisted_on for security in securities],
    }
