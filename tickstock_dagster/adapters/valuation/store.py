"""Reading the inputs of fair market values, and writing the values beside their gaps in one transaction.

A value is a row of `ohlcv_daily` without prices, with `is_fmv`, and a row of `fair_values` that says where it comes
from. A print that arrives later overwrites the first, as any bar does; the second stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.actions.return_inputs import read_payouts
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import copy_frame, read_frame
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.actions.returns import CLOSE_SCHEMA
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.valuation.fair_value import (
    FAIR_VALUE_SCHEMA,
    LOOKBACK,
    UNPRINTED_SCHEMA,
    Method,
    estimate_fair_values,
    references_of,
)


@dataclass(frozen=True, slots=True)
class FairValueReport:
    """What one valuation did.

    Attributes:
        unprinted: `UNPRINTED_SCHEMA`: the cells to value.
        values: `FAIR_VALUE_SCHEMA`: the cells that have a value.
        written: rows of `ohlcv_daily` that are new or changed.
    """

    unprinted: pl.DataFrame
    values: pl.DataFrame
    written: int

    @property
    def without_value(self) -> pl.DataFrame:
        """(security_id, session, ticker) of cells without a value: no print within a year, and none from the vendor."""
        keys = ["security_id", "session"]
        return self.unprinted.join(self.values, on=keys, how="anti").select(*keys, "ticker")


def update_fair_values(
    engine: sa.Engine,
    calendar: SessionCalendar,
    days: Sequence[date],
    *,
    now: datetime,
    vendor: Mapping[str, float] | None = None,
    vendor_name: str = "",
) -> FairValueReport:
    """Value the sessions on which securities did not trade, and store what is new; a second call changes nothing.

    Args:
        engine: the store's.
        calendar: with its overrides applied.
        days: sessions of the calendar, ascending.
        now: aware.
        vendor: the vendor's values by ticker, for the last of `days` only; they replace the estimates.
        vendor_name: stored as their source.

    Raises:
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    unprinted = read_unprinted(engine, days)
    if unprinted.is_empty():
        return FairValueReport(unprinted, pl.DataFrame(schema=FAIR_VALUE_SCHEMA), 0)
    span = [*calendar.sessions_before(days[0], LOOKBACK), *calendar.sessions(days[0], days[-1])]
    closes = read_closes(engine, unprinted, span)
    values = estimate_fair_values(unprinted, closes, read_payouts(engine, span[0], span[-1]), span)
    if vendor:
        values = _with_vendor(values, unprinted, days[-1], vendor, vendor_name)
    return FairValueReport(unprinted, values, _write(engine, calendar, values, now))


def read_unprinted(engine: sa.Engine, days: Sequence[date]) -> pl.DataFrame:
    """Cells of some sessions with the reason no_trade or halted, as `UNPRINTED_SCHEMA`."""
    frame = read_frame(engine, statement("valuation/unprinted"), (days[0], days[-1])).cast(pl.Schema(UNPRINTED_SCHEMA))
    return frame.filter(pl.col("session").is_in(list(days)))


def read_closes(engine: sa.Engine, unprinted: pl.DataFrame, span: Sequence[date]) -> pl.DataFrame:
    """Raw closes of the unprinted securities and of their references between two sessions, as `CLOSE_SCHEMA`."""
    ids = ",".join(str(security) for security in unprinted["security_id"].unique().sort())
    facts = unprinted.select("correlation_reference", "sector", "ticker").unique().iter_rows()
    names = sorted({name for reference, sector, ticker in facts for name in references_of(reference, sector, ticker)})
    frame = read_frame(engine, statement("valuation/closes"), (span[0], span[-1], ids, ",".join(names)))
    # A session that an override cancelled later may still hold rows.
    return frame.cast(pl.Schema(CLOSE_SCHEMA)).filter(pl.col("session").is_in(list(span)))


def _with_vendor(
    values: pl.DataFrame, unprinted: pl.DataFrame, session: date, vendor: Mapping[str, float], name: str
) -> pl.DataFrame:
    """Replace the estimates of one session with the vendor's values; the facts about the last print stay."""
    given = pl.DataFrame(list(vendor.items()), schema={"ticker": pl.String, "fmv": pl.Float64}, orient="row")
    found = (
        unprinted.filter(pl.col("session") == session)
        .select("security_id", "session", "ticker")
        .join(given, on="ticker")
        .with_columns(
            source=pl.lit(name),
            method=pl.lit(str(Method.VENDOR)),
            reference=pl.lit(None, pl.String),
            beta=pl.lit(None, pl.Float64),
        )
        .join(
            values.select("security_id", "session", "last_session", "last_close", "sessions_since_print"),
            on=["security_id", "session"],
            how="left",
        )
        .select(list(FAIR_VALUE_SCHEMA))
    )
    rest = values.join(found, on=["security_id", "session"], how="anti")
    return pl.concat([rest, found]).sort("session", "security_id")


def _write(engine: sa.Engine, calendar: SessionCalendar, values: pl.DataFrame, now: datetime) -> int:
    if values.is_empty():
        return 0
    days = values["session"].unique()
    closes = pl.DataFrame(
        [(day, calendar.closes_at(day)) for day in days],
        schema={"session": pl.Date, "closes_at": pl.Datetime("us", "UTC")},
        orient="row",
    )
    staged = values.join(closes, on="session").select(*FAIR_VALUE_SCHEMA, "closes_at")
    with transaction(engine) as connection, connection.cursor() as cursor:
        cursor.execute(statement("valuation/stage"), prepare=False)  # several statements
        copy_frame(cursor, "stage_fair_values", staged)
        lock(cursor, Lock.BARS)
        # Never prepared: a plan for one size of the staging table is a bad plan for another size.
        cursor.execute(
            statement("valuation/write"), {"now": now, "first": days.min(), "last": days.max()}, prepare=False
        )
        row = cursor.fetchone()
    assert row is not None  # noqa: S101  # a count is always one row
    return int(row[0])
