"""A hash over the business content of the store: stores with the same content have the same fingerprint.

Every table is hashed over its ordered business columns, written as text by PostgreSQL. Left out: times of loading,
run ids and surrogate ids (securities appear under their natural identity), how often something was asked for, and the
tables that only measure traffic. So a load that a failing vendor interrupted has the same fingerprint once it is
complete.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import sql_folder, statement
from tickstock_dagster.adapters.postgres.timeouts import UNLIMITED_HERE

TRAFFIC_TABLES = frozenset(
    {
        "vendor_calls", "vendor_rate_limits", "admin_mails", "dead_letters", "stream_alerts", "maintenance_runs",
        "processing_performance", "quality_verdicts",
    }
)  # fmt: skip
"""Tables of calls, deliveries, housekeeping and former verdicts; they hold no market data."""


@dataclass(frozen=True, slots=True)
class TableFingerprint:
    """One table's rows and the SHA-256 of their text, hexadecimal."""

    table: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The store's hash, and each table's."""

    sha256: str
    tables: tuple[TableFingerprint, ...]


def fingerprint_tables() -> tuple[str, ...]:
    """Tables with a fingerprint statement (`sql/statements/fingerprint/<table>.sql`), ascending."""
    return tuple(sorted(path.stem for path in (sql_folder() / "statements" / "fingerprint").glob("*.sql")))


def fingerprint(engine: sa.Engine, progress: Callable[[str], None] = lambda _table: None) -> Fingerprint:
    """Hash every table as of one moment (one repeatable-read transaction).

    Args:
        engine: the store's.
        progress: called with each table's name before it is read.
    """
    tables = []
    with transaction(engine) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL DateStyle = ISO")  # a server's setting may differ
        connection.execute(UNLIMITED_HERE)  # a table is one statement, however long
        for table in fingerprint_tables():
            progress(table)
            digest, rows = hashlib.sha256(), 0
            with connection.cursor().copy(f"COPY (\n{statement(f'fingerprint/{table}')}\n) TO STDOUT") as copy:
                for block in copy:
                    digest.update(block)
                    rows += bytes(block).count(b"\n")
            tables.append(TableFingerprint(table, rows, digest.hexdigest()))
    whole = hashlib.sha256("".join(f"{t.table}:{t.sha256}\n" for t in tables).encode()).hexdigest()
    return Fingerprint(whole, tuple(tables))
