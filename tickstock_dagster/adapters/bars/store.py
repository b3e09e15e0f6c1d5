"""Writing bars: one batch, one transaction. Stage, insert, correct, adjust, close gaps, quarantine, explain, publish.

A bar with the values of one that was judged wrong after it was stored is held back (`adapters.quality.findings`).

The transaction that writes rows also writes what reports them: finished work units, explained gaps, events.
Reading bars and coverage belongs in `adapters.loading.coverage`.

Longer than 250 lines because all that one transaction writes stands together, in its order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import orjson
import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.ledger.calls import write_calls
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import array_text, copy_frame
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.protocol import VendorCall
from tickstock_dagster.core.bars.columns import STAGED_BAR_COLUMNS
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA
from tickstock_dagster.core.events.envelope import Event
from tickstock_dagster.core.loading.coverage import GAP_SCHEMA, absence_evidence
from tickstock_dagster.core.printable import printable

REJECTED_COLUMNS = ("ticker", "session", "security_id", "reason", "row", "unit_id")


@dataclass(frozen=True, slots=True)
class ListingStart:
    """A listing interval that begins later than its list allowed, at its first bar."""

    security_id: int
    old_valid_from: date
    valid_from: date


@dataclass(slots=True)
class StoreBatch:
    """What one transaction writes.

    Attributes:
        bars: `core.bars.columns.STAGED_BAR_COLUMNS`; good rows of known securities, unique by (security_id, session),
            of one market: a session closes at one time.
        rejected: `REJECTED_COLUMNS`; `row` is JSON text.
        gaps: `core.loading.coverage.GAP_SCHEMA`.
        starts: listing intervals that begin later than their list allowed.
        units: work units that end with this batch.
        holder: who leased them; None where they were asked for without the queue.
        events: published with the batch.
        calls: vendor calls made for it.
    """

    source: str
    run_id: str
    now: datetime
    bars: pl.DataFrame
    rejected: pl.DataFrame
    gaps: pl.DataFrame
    starts: Sequence[ListingStart] = ()
    units: Sequence[FinishedUnit] = ()
    events: Sequence[Event] = ()
    calls: Sequence[VendorCall] = field(default_factory=tuple)
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class StoreResult:
    """Numbers of rows: new, changed (with restatements), unchanged, newly quarantined; and of explained gaps.

    `changed`: the sessions of which a bar is new or restated, or a gap new or explained by another reason.
    """

    inserted: int
    restated: int
    unchanged: int
    quarantined: int
    explained: int
    changed: frozenset[date] = field(default=frozenset(), compare=False)

    def __add__(self, other: "StoreResult") -> "StoreResult":
        return StoreResult(
            self.inserted + other.inserted,
            self.restated + other.restated,
            self.unchanged + other.unchanged,
            self.quarantined + other.quarantined,
            self.explained + other.explained,
            self.changed | other.changed,
        )


NOTHING_STORED = StoreResult(0, 0, 0, 0, 0)


def rows_as_json(rejected: pl.DataFrame) -> pl.Series:
    """Each rejected row as JSON text, as received, for `quarantined_bars.row`; JSON in PostgreSQL holds no NUL."""
    columns = [name for name in BAR_SCHEMA if name in rejected.columns]
    if "ticker" in columns:
        rejected = rejected.with_columns(_printable("ticker"))
    return pl.Series(
        "row",
        [
            orjson.dumps({key: value for key, value in row.items() if value is not None}).decode()
            for row in rejected.select(columns).iter_rows(named=True)
        ],
        dtype=pl.String,
    )


def _printable(name: str) -> pl.Expr:
    """A column of text without control characters, which PostgreSQL cannot store, or which a terminal would obey."""
    text = pl.col(name)
    return (
        pl.when(text.str.contains(r"[\x00-\x1f\x7f-\x9f]"))
        .then(text.map_elements(printable, return_dtype=pl.String))
        .otherwise(text)
    )


def store_batch(engine: sa.Engine, batch: StoreBatch) -> StoreResult:
    """Write a batch in one transaction; the same batch again changes nothing.

    Raises:
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    with transaction(engine) as connection, connection.cursor() as cursor:
        return _store(connection, cursor, batch)


def _store(connection: psycopg.Connection, cursor: psycopg.Cursor, batch: StoreBatch) -> StoreResult:
    at = {"now": batch.now, "source": batch.source}
    cursor.execute(statement("bars/stage"), prepare=False)  # PostgreSQL cannot prepare several statements at once
    if not batch.bars.is_empty():
        copy_frame(cursor, "stage_bars", batch.bars.select(STAGED_BAR_COLUMNS).drop("closes_at"))
    lock(cursor, Lock.BARS)
    if batch.starts:
        _begin_listings(cursor, batch.starts, at)
    inserted = restated = 0
    changed = set[date]()
    bars = _without_held(cursor, batch.bars, at)
    if not bars.is_empty():
        inserted, restated = _merge(cursor, bars, at)
        if inserted == bars.height:
            changed.update(bars["session"].unique())
        elif inserted or restated:
            changed.update(_sessions(cursor, "bars/sessions_written", {**at, **_span(bars)}))
        _run(cursor, "bars/close_gaps")
        _run(cursor, "bars/resolve_quarantine", at)
    quarantined = explained = 0
    if not batch.rejected.is_empty():
        told = batch.rejected.select(REJECTED_COLUMNS).with_columns(_printable("ticker"), _printable("reason"))
        copy_frame(cursor, "stage_rejected", told)
        quarantined = _run(cursor, "bars/quarantine", at)
    shown = [*_securities(batch.bars), *_securities(batch.rejected)]
    if shown:
        _narrow_brackets(cursor, shown)
    if not batch.gaps.is_empty():
        copy_frame(cursor, "stage_gaps", batch.gaps.select(list(GAP_SCHEMA)))
        changed.update(_sessions(cursor, "loading/gaps_changed", {}))
        answer = f"{absence_evidence(batch.source)} has no bar"
        explained = _run(cursor, "loading/gaps_explain", {**at, "answer": answer})
    if batch.starts:
        cursor.execute(
            statement("loading/gaps_unlisted"), {"security_ids": [start.security_id for start in batch.starts]}
        )
    if batch.units:
        finish_units(cursor, batch.units, run_id=batch.run_id, now=batch.now, holder=batch.holder)
    write_calls(cursor, batch.calls, batch.source, batch.run_id)
    write_events(connection, batch.events)
    unchanged = bars.height - inserted - restated
    return StoreResult(inserted, restated, unchanged, quarantined, explained, frozenset(changed))


def _begin_listings(cursor: psycopg.Cursor, starts: Sequence[ListingStart], at: Mapping[str, object]) -> None:
    lock(cursor, Lock.LISTINGS)
    for start in starts:
        values = {"security_id": start.security_id, "valid_from": start.valid_from, **at}
        cursor.execute(statement("securities/interval_start"), {"old_valid_from": start.old_valid_from, **values})
        cursor.execute(statement("securities/security_first_bar"), values)


def _without_held(cursor: psycopg.Cursor, bars: pl.DataFrame, at: Mapping[str, object]) -> pl.DataFrame:
    """The staged bars without those whose values are held back; these leave the stage, and their cells stay owed."""
    if bars.is_empty():
        return bars
    span = {"first": bars["session"].min(), "last": bars["session"].max()}
    if cursor.execute(statement("bars/held_any"), span).fetchone() == (False,):
        return bars
    held = cursor.execute(statement("bars/hold_back"), at, prepare=False).fetchall()
    cells = pl.DataFrame(held, schema={"security_id": pl.Int64, "session": pl.Date}, orient="row")
    return bars.join(cells, on=["security_id", "session"], how="anti", maintain_order="left") if held else bars


def _securities(rows: pl.DataFrame) -> list[int]:
    """The known securities of some rows, each once."""
    return [] if rows.is_empty() else rows["security_id"].drop_nulls().unique().to_list()


def _narrow_brackets(cursor: psycopg.Cursor, security_ids: Sequence[int]) -> None:
    """Keep which staged bars show that a listing began before, or ended after, what the lists prove."""
    if cursor.execute(statement("bars/brackets_open"), {"security_ids": security_ids}).fetchone() is None:
        return
    if cursor.execute(statement("bars/brackets_touched"), prepare=False).fetchone() is None:
        return
    lock(cursor, Lock.LISTINGS)  # another process may have written the histories meanwhile: read them again
    touched = cursor.execute(statement("bars/brackets_touched"), prepare=False).fetchall()
    cursor.executemany(
        statement("bars/brackets_narrow"),
        [
            dict(zip(("security_id", "valid_from", "traded_from", "traded_to"), values, strict=True))
            for values in touched
        ],
    )


def _run(cursor: psycopg.Cursor, name: str, values: Mapping[str, object] | None = None) -> int:
    """Run a statement over a staging table; returns how many rows it wrote."""
    # Never prepared: a plan for one size of the staging table is a bad plan for another size.
    cursor.execute(statement(name), values, prepare=False)
    return cursor.rowcount


def _sessions(cursor: psycopg.Cursor, name: str, values: Mapping[str, object]) -> list[date]:
    """The sessions that a statement over a staging table selects."""
    return [session for (session,) in cursor.execute(statement(name), values, prepare=False)]


def _span(bars: pl.DataFrame) -> dict[str, object]:
    """The securities of some bars, and their first and last session: what keeps a plan from reading everything."""
    return {"security_ids": _securities(bars), "first": bars["session"].min(), "last": bars["session"].max()}


def _merge(cursor: psycopg.Cursor, bars: pl.DataFrame, at: Mapping[str, object]) -> tuple[int, int]:
    """Insert the staged bars that are new, and overwrite those that differ; returns how many, restatements kept."""
    hours = bars.select("session", "closes_at").unique()
    bounds = {
        **at,
        "sessions": array_text(hours["session"].cast(pl.String)),
        "closes": array_text(hours["closes_at"].dt.to_string("%Y-%m-%dT%H:%M:%S%.6f%:z")),
        **_span(bars),
    }
    # Statistics lag behind a session just written: estimated as one row, it would be joined by a nested loop.
    cursor.execute("SET LOCAL enable_nestloop = off")
    inserted, restated = _run(cursor, "bars/insert", bounds), 0
    if inserted < bars.height:
        _run(cursor, "bars/correct", bounds)
        row = cursor.fetchone()
        assert row is not None  # noqa: S101  # a count is always one row
        restated = int(row[0])
    cursor.execute("RESET enable_nestloop")
    if inserted or restated:
        _run(cursor, "bars/adjust", bounds)
    return inserted, restated
