"""The record of vendor calls: one row for each attempt, whether or not it succeeded."""

from collections.abc import Sequence

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.rehearsal import keep
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.protocol import VendorCall


def write_calls(cursor: psycopg.Cursor, calls: Sequence[VendorCall], source: str, run_id: str | None) -> None:
    """Append vendor calls to their ledger, in the caller's transaction.

    Args:
        cursor: inside a transaction.
        calls: as a source records them.
        source: name of the source.
        run_id: the Dagster run, or cli; None outside of a run.
    """
    if not calls:
        return
    text = statement("ledger/vendor_call_insert")
    rows = [
        {
            "called_at": call.called_at,
            "endpoint": call.endpoint,
            "status": call.status,
            "rows": call.rows,
            "elapsed_ms": call.elapsed_ms,
            "attempt": call.attempt,
            "outcome": call.outcome,
            "source": source,
            "run_id": run_id,
        }
        for call in calls
    ]
    if not keep(cursor, text, rows):
        cursor.executemany(text, rows)


def record_calls(engine: sa.Engine, calls: Sequence[VendorCall], *, source: str, run_id: str | None) -> None:
    """Append calls that belong to no batch, such as those of a failed attempt, in their own transaction.

    Args:
        engine: the store's.
        calls: as a source records them.
        source: name of the source.
        run_id: the Dagster run, or cli; None outside of a run.
    """
    if calls:
        with transaction(engine) as connection, connection.cursor() as cursor:
            write_calls(cursor, calls, source, run_id)
