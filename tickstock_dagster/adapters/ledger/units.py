"""The ledger of work units: what a run is about to ask for, and how far it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.loading.planning import WorkUnit
from tickstock_dagster.core.securities.equity_types import Priority


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Units of one run by state."""

    done: int
    failed: int
    pending: int

    @property
    def total(self) -> int:
        """All units of the run."""
        return self.done + self.failed + self.pending


def record_plan(
    engine: sa.Engine, units: Sequence[WorkUnit], *, run_id: str, priorities: Mapping[str, Priority], now: datetime
) -> None:
    """Record units as pending before a run asks for the first one.

    Args:
        engine: the store's.
        units: of one plan.
        run_id: the Dagster run, or cli.
        priorities: by unit id; normal where there is none.
        now: aware.
    """
    with transaction(engine) as connection, connection.cursor() as cursor:
        cursor.executemany(
            statement("ledger/units_plan"),
            # Every run writes in one order: two runs that plan the same units wait for each other without a deadlock.
            [
                {
                    **unit_values(unit),
                    "priority": priorities.get(unit.unit_id, Priority.NORMAL).dagster_priority,
                    "run_id": run_id,
                    "now": now,
                }
                for unit in sorted(units, key=lambda unit: unit.unit_id)
            ],
        )


def run_progress(engine: sa.Engine, run_id: str) -> RunProgress:
    """How far a run is, by its units; works for runs of any process."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("ledger/run_progress"), {"run_id": run_id}).fetchall()
    counts = dict(rows)
    return RunProgress(counts.get("done", 0), counts.get("failed", 0), counts.get("pending", 0))


def units_done(engine: sa.Engine, units: Sequence[WorkUnit]) -> bool:
    """Whether every one of the units is done."""
    with transaction(engine) as connection:
        row = connection.execute(
            statement("ledger/units_done"), {"unit_ids": [unit.unit_id for unit in units]}
        ).fetchone()
    return row is not None and row[0] == len(units)


@dataclass(frozen=True, slots=True)
class FinishedUnit:
    """How a work unit ended: `rows` good rows in its answer; `error` None where it is done."""

    unit: WorkUnit
    rows: int
    started_at: datetime
    error: str | None = None


def unit_values(unit: WorkUnit) -> dict[str, object]:
    """A unit's columns as statement parameters."""
    return {
        "unit_id": unit.unit_id,
        "kind": str(unit.kind),
        "market": unit.market,
        "source": unit.source,
        "subject": unit.subject,
        "first": unit.first,
        "last": unit.last,
        "cells": unit.cells,
    }


def finish_units(cursor: psycopg.Cursor, ends: Iterable[FinishedUnit], *, run_id: str, now: datetime) -> None:
    """Mark units as done or failed, in the transaction that stores their rows.

    Args:
        cursor: inside that transaction.
        ends: the units, each with its outcome.
        run_id: the Dagster run, or cli.
        now: aware.
    """
    # In the order of `record_plan`, so that planning and finishing the same units cannot deadlock.
    ordered = sorted(ends, key=lambda end: end.unit.unit_id)
    cursor.executemany(
        statement("ledger/units_finish"),
        [
            {
                **unit_values(end.unit),
                "status": "failed" if end.error else "done",
                "rows": end.rows,
                "error": end.error,
                "run_id": run_id,
                "started_at": end.started_at,
                "now": now,
            }
            for end in ordered
        ],
    )
