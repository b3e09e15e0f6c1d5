"""Telling that entries of the processing queue have failed for good.

What becomes of them is for a person: `adapters.ledger.queue` tries them again or drops them.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import psycopg

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.ledger.units import FinishedUnit
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.events.envelope import DeadLetters, Event
from tickstock_dagster.core.events.queue_data import MOST_NAMED, DeadLetter


def publish_dead(cursor: psycopg.Cursor, failed: Sequence[FinishedUnit], run_id: str, now: datetime) -> int:
    """Publish those of some entries that have failed for good, one event for a dataset.

    Args:
        cursor: inside the transaction in which they ended, after that.
        failed: entries that have ended badly; some may be tried again.
        run_id: the Dagster run, or cli.
        now: aware.

    Returns:
        How many have failed for good.
    """
    if not failed:
        return 0
    datasets = {end.unit.unit_id: str(end.unit.dataset) for end in failed}
    rows = cursor.execute(statement("ledger/queue_dead"), {"unit_ids": list(datasets)}).fetchall()
    events = []
    for dataset in sorted({datasets[row[0]] for row in rows}):
        own = [row for row in rows if datasets[row[0]] == dataset]
        entries = tuple(
            DeadLetter(
                id=unit_id, symbol=symbol, equity_type=code, attempts=attempts, error_class=error_class, error=error
            )
            for unit_id, symbol, code, attempts, error_class, error in own[:MOST_NAMED]
        )
        data = DeadLetters(dataset=dataset, count=len(own), entries=entries, run_id=run_id)
        which = "|".join(f"{row[0]}/{row[3]}" for row in own)
        events.append(Event.of(data, time=now, dedupe_key=hashlib.sha256(which.encode()).hexdigest()))
    write_events(cursor.connection, events)
    return len(rows)
