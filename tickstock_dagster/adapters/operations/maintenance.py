"""Cleaning up, vacuuming and analysing the store. `core.operations.maintenance` decides when that is due.

Maintenance never deletes bars, gaps, restatements, quarantined rows, memberships or change logs: this module has no
statement for it, and the writer has no right to it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

import sqlalchemy as sa
from psycopg.types.json import Jsonb

from tickstock_dagster.adapters.postgres.database import connected, transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.postgres.timeouts import AS_BEFORE, UNLIMITED, UNLIMITED_HERE
from tickstock_dagster.core.operations.maintenance import MaintenanceKind, Retention

NOT_PERMITTED = "not permitted: only its owner may on this server; autovacuum looks after it"
DRY_RUN = "dry run"

Progress = Callable[[int, int, str], None]
"""Called with the steps done, their total, and the name of the last one."""


@dataclass(frozen=True, slots=True)
class TableCare:
    """One table: bytes before and after, with indexes and partitions; seconds that it took, or why it was skipped."""

    before: int
    after: int
    seconds: float = 0.0
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What maintenance did; in a dry run: what it would remove.

    Attributes:
        removed: number of rows by their kind.
        tables: by name, the largest first.
        seconds: time taken.
    """

    removed: Mapping[str, int]
    tables: Mapping[str, TableCare]
    seconds: float

    @property
    def bytes_before(self) -> int:
        """Bytes of all tables before."""
        return sum(care.before for care in self.tables.values())

    @property
    def bytes_after(self) -> int:
        """Bytes of all tables after."""
        return sum(care.after for care in self.tables.values())

    @property
    def skipped(self) -> dict[str, str]:
        """Tables that were not looked after, and why."""
        return {name: care.skipped for name, care in self.tables.items() if care.skipped}


def maintain(
    engine: sa.Engine,
    retention: Retention,
    *,
    market: str,
    session: date,
    run_id: str,
    clock: Callable[[], datetime],
    dry_run: bool = False,
    progress: Progress = lambda _done, _total, _what: None,
) -> MaintenanceReport:
    """Remove expired rows, vacuum and analyse every table, and log the maintenance.

    Each removal is a transaction; a second call removes nothing. Other work may go on at the same time.

    Args:
        engine: the store's.
        retention: how long rows of each kind are kept.
        market: MIC of the calendar.
        session: the last session before the closed days.
        run_id: the Dagster run, or cli.
        clock: gives times with a time zone.
        dry_run: remove, vacuum and log nothing.
        progress: called after each step.

    Raises:
        ServiceUnavailableError: the database cannot be reached, or was lost; rows removed until then stay removed.
    """
    began, started_at = time.perf_counter(), clock()
    sizes = _tables(engine)
    total = len(sizes) + 1
    removed = remove_expired(engine, retention, started_at, dry_run=dry_run)
    progress(1, total, "retention")
    cares: dict[str, TableCare] = {}
    for done, (table, before, command, permitted) in enumerate(sizes, start=2):
        skipped = DRY_RUN if dry_run else None if permitted else NOT_PERMITTED
        cares[table] = TableCare(before, before, 0.0 if skipped else _run(engine, command), skipped)
        progress(done, total, table)
    after = {table: size for table, size, *_ in _tables(engine)}
    tables = {
        name: TableCare(care.before, after.get(name, care.before), care.seconds, care.skipped)
        for name, care in cares.items()
    }
    report = MaintenanceReport(removed, tables, time.perf_counter() - began)
    if not dry_run:
        values = {"market": market, "session": session, "kind": MaintenanceKind.INTENSIVE.value, "run_id": run_id}
        _write(engine, report, {**values, "started_at": started_at, "finished_at": clock()})
    return report


def maintain_lightly(
    engine: sa.Engine,
    retention: Retention,
    *,
    market: str,
    session: date,
    run_id: str,
    clock: Callable[[], datetime],
) -> MaintenanceReport:
    """Remove expired rows, analyse the tables that were changed since they were analysed last, and log it.

    Args:
        engine: the store's.
        retention: how long rows of each kind are kept.
        market: MIC of the calendar.
        session: the session that it follows.
        run_id: the Dagster run.
        clock: gives times with a time zone.

    Raises:
        ServiceUnavailableError: the database cannot be reached, or was lost; rows removed until then stay removed.
    """
    began, started_at = time.perf_counter(), clock()
    removed = remove_expired(engine, retention, started_at)
    with transaction(engine) as connection:
        changed = connection.execute(statement("operations/maintenance_changed"), {}).fetchall()
    tables = {
        table: TableCare(size, size, _run(engine, command) if permitted else 0.0, None if permitted else NOT_PERMITTED)
        for table, size, command, permitted in changed
    }
    report = MaintenanceReport(removed, tables, time.perf_counter() - began)
    values = {"market": market, "session": session, "kind": MaintenanceKind.LIGHT.value, "run_id": run_id}
    _write(engine, report, {**values, "started_at": started_at, "finished_at": clock()})
    return report


def last_maintained(engine: sa.Engine, market: str, kind: MaintenanceKind = MaintenanceKind.INTENSIVE) -> date | None:
    """The last session after which maintenance of a kind was completed; None where it never was."""
    values = {"market": market, "kind": kind.value}
    with transaction(engine) as connection:
        row = connection.execute(statement("operations/maintenance_last"), values).fetchone()
    return row[0] if row else None


def remove_expired(engine: sa.Engine, retention: Retention, now: datetime, *, dry_run: bool = False) -> dict[str, int]:
    """Delete expired rows, or count them in a dry run.

    Args:
        engine: the store's.
        retention: how long rows of each kind are kept.
        now: with a time zone.
        dry_run: count only.

    Returns:
        Number of rows by their kind.
    """
    steps = (
        ("events", statement("events/outbox_prune"), retention.events),
        ("lost_entries", statement("events/stream_alerts_prune"), retention.events),
        ("finished_units", statement("ledger/units_prune"), retention.finished_work),
        ("vendor_calls", statement("ledger/vendor_calls_prune"), retention.vendor_calls),
    )
    removed = {}
    for what, text, kept in steps:
        with transaction(engine) as connection, connection.transaction(force_rollback=dry_run):
            connection.execute(UNLIMITED_HERE)
            cursor = connection.execute(text, {"before": now - kept})
            # A function that deletes for us returns the number of rows; the driver counts those of a plain DELETE.
            row = cursor.fetchone() if cursor.description else None
            removed[what] = int(row[0]) if row else cursor.rowcount
    return removed


def _tables(engine: sa.Engine) -> list[tuple[str, int, str, bool]]:
    with transaction(engine) as connection:
        return connection.execute(statement("operations/maintenance_tables"), {}).fetchall()


def _run(engine: sa.Engine, command: str) -> float:
    """Run a VACUUM or ANALYZE, outside any transaction as a VACUUM must be; returns the seconds taken."""
    began = time.perf_counter()
    with connected(engine) as pooled:
        alone = pooled.execution_options(isolation_level="AUTOCOMMIT")
        alone.exec_driver_sql(UNLIMITED)
        try:
            alone.exec_driver_sql(command)
        finally:
            alone.exec_driver_sql(AS_BEFORE)
    return time.perf_counter() - began


def _write(engine: sa.Engine, report: MaintenanceReport, values: Mapping[str, object]) -> None:
    facts = {
        "removed": Jsonb(dict(report.removed)),
        "tables": Jsonb({name: asdict(care) for name, care in report.tables.items()}),
        "bytes_before": report.bytes_before,
        "bytes_after": report.bytes_after,
    }
    with transaction(engine) as connection:
        connection.execute(statement("operations/maintenance_write"), {**values, **facts})
