"""What the tests of the warehouse share: rows of a table, securities and bars written directly."""
# ruff: noqa: S608 - every text that is put into a statement stands in this module

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Self

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.bars.store import REJECTED_COLUMNS, StoreBatch
from tickstock_dagster.core.bars.columns import STAGED_BAR_COLUMNS
from tickstock_dagster.core.loading.coverage import GAP_SCHEMA
from tickstock_dagster_tests.kept_connections import run

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
"""The Saturday after the last session: every stored bar of the week is settled."""

MON, TUE, WED, THU, FRI = (date(2026, 11, day) for day in (16, 17, 18, 19, 20))

BAR_TYPES: dict[str, type[pl.DataType] | pl.DataType] = {
    "security_id": pl.Int64, "session": pl.Date, "ticker": pl.String, "closes_at": pl.Datetime("us", "UTC"),
    "open": pl.Float64, "high": pl.Float64, "low": pl.Float64, "close": pl.Float64, "volume": pl.Int64,
    "vwap": pl.Float64, "transactions": pl.Int64, "status": pl.String, "volume_printed": pl.Float64,
}  # fmt: skip
REJECTED_TYPES = dict(
    zip(REJECTED_COLUMNS, (pl.String, pl.Date, pl.Int64, pl.String, pl.String, pl.String), strict=True)
)


def query(
    database_url: str, text: str, values: Mapping[str, Any] | Sequence[Any] | None = None
) -> list[tuple[Any, ...]]:
    """What a statement returns, run by the owner in another session than our code's; nothing without rows."""
    return run(database_url, text, values)


def as_role(database_url: str, role: str, text: str) -> list[tuple[Any, ...]]:
    """The same with the rights of a role, in a transaction that is rolled back."""
    with psycopg.connect(database_url, options=f"-c timezone=UTC -c role={role}") as connection:
        try:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []
        finally:
            connection.rollback()


def add_security(database_url: str, ticker: str, *, figi: str | None = None, since: date = date(2020, 1, 2)) -> int:
    """A security that has held one ticker since a day; returns its id."""
    [(security_id,)] = query(
        database_url,
        "INSERT INTO securities (name, composite_figi, updated_at) VALUES (%s, %s, now()) RETURNING security_id",
        (ticker.title(), figi or f"FIGI-{ticker}"),
    )
    query(
        database_url,
        "INSERT INTO ticker_intervals VALUES (%s, %s, %s, NULL, 'unknown', %s, %s)",
        (security_id, ticker, since, since, FRI),
    )
    return int(security_id)


def bar(security_id: int, session: date = FRI, ticker: str = "AAA", **values: Any) -> dict[str, Any]:
    """One staged bar: 10, 12, 9, 11, 1,000 shares, final, unless said otherwise."""
    closes_at = datetime(session.year, session.month, session.day, 21, tzinfo=UTC)
    return {
        "security_id": security_id, "session": session, "ticker": ticker, "closes_at": closes_at, "open": 10.0,
        "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1_000, "vwap": 10.5, "transactions": 40, "status": "final",
        **values,
    }  # fmt: skip


def batch(
    *bars: Mapping[str, Any],
    rejected: Sequence[Mapping[str, Any]] = (),
    gaps: Sequence[Mapping[str, Any]] = (),
    now: datetime = NOW,
    source: str = "simulator",
    **others: Any,
) -> StoreBatch:
    """A batch of staged bars, rejected rows and gaps."""
    return StoreBatch(
        source=source,
        run_id="run-1",
        now=now,
        bars=pl.DataFrame([dict(row) for row in bars], schema=BAR_TYPES).select(STAGED_BAR_COLUMNS),
        rejected=pl.DataFrame([dict(row) for row in rejected], schema=REJECTED_TYPES),
        gaps=pl.DataFrame([dict(row) for row in gaps], schema=GAP_SCHEMA),
        **others,
    )


def counts(database_url: str) -> dict[str, int]:
    """Rows of every table that a load writes."""
    tables = (
        "ohlcv_daily", "bar_gaps", "quarantined_bars", "bar_restatements", "work_units", "vendor_calls", "outbox",
        "securities", "ticker_intervals", "corporate_actions",
    )  # fmt: skip
    return {table: query(database_url, f"SELECT count(*) FROM {table}")[0][0] for table in tables}


class _CountedCursor(psycopg.Cursor[Any]):
    """A cursor that notes every statement it is given, whatever becomes of it."""

    seen: ClassVar[list[str]] = []

    def execute(self, query: Any, *given: Any, **options: Any) -> Self:
        self.seen.append(query if isinstance(query, str) else str(query))
        return super().execute(query, *given, **options)


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The texts of all statements that our engines send meanwhile, in the order of sending; each is executed."""

    def count_on(connection: Any, *_: Any) -> None:
        if isinstance(connection, psycopg.Connection):  # Dagster's own storage has another driver
            connection.cursor_factory = _CountedCursor

    def count_no_more(connection: Any, *_: Any) -> None:
        if isinstance(connection, psycopg.Connection):
            connection.cursor_factory = psycopg.Cursor

    _CountedCursor.seen.clear()
    sa.event.listen(sa.pool.Pool, "checkout", count_on)
    sa.event.listen(sa.pool.Pool, "checkin", count_no_more)
    try:
        yield _CountedCursor.seen
    finally:
        sa.event.remove(sa.pool.Pool, "checkout", count_on)
        sa.event.remove(sa.pool.Pool, "checkin", count_no_more)
