"""The ledger of work units as a receipt book: what was planned, and how it ended.

Leasing units from it belongs in `adapters.ledger.leases`; what an error means for a unit in `core.loading.ledger`.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError, NotPublishedYetError, VendorError
from tickstock_dagster.core.loading.ledger import ErrorClass, Outcome, RetryTerms, UnitStatus, after_failure
from tickstock_dagster.core.loading.planning import WorkUnit
from tickstock_dagster.core.priority import Priority


@dataclass(frozen=True, slots=True)
class UnitState:
    """Where a unit is; `lease_holder` of a leased one, `not_before` of a retrying one, `error` of one that failed."""

    status: UnitStatus
    lease_holder: str | None
    not_before: datetime | None
    failures: int
    error: str | None


@dataclass(frozen=True, slots=True)
class FinishedUnit:
    """How a work unit ended.

    Attributes:
        rows: good rows in its answer.
        started_at: when it was asked for, aware.
        error: None where it is done.
        error_class: what kind of error it was; decides whether the unit is tried again.
        bytes: of its answer; None where the source does not say.
        elapsed_ms: until its answer came, in milliseconds; None where it was not measured.
        late: it failed because the data are not out yet: it is tried again however often that was so.
    """

    unit: WorkUnit
    rows: int
    started_at: datetime
    error: str | None = None
    error_class: ErrorClass = ErrorClass.TRANSIENT
    bytes: int | None = None
    elapsed_ms: float | None = None
    late: bool = False

    @classmethod
    def failed(
        cls, unit: WorkUnit, error: VendorError, started_at: datetime, elapsed_ms: float | None = None
    ) -> "FinishedUnit":
        """A unit that its source did not answer.

        Args:
            unit: the unit.
            error: what the source raised, its retries done.
            started_at: when it was asked for, aware.
            elapsed_ms: until then, in milliseconds.
        """
        late, kind = isinstance(error, NotPublishedYetError), _class_of(unit, error)
        return cls(unit, 0, started_at, str(error), kind, elapsed_ms=elapsed_ms, late=late)


def look(engine: sa.Engine) -> str:
    """A mark of what is visible in the store now, for `record_plan`: read it before reading what is owed."""
    with transaction(engine) as connection:
        row = connection.execute(statement("ledger/look")).fetchone()
    assert row is not None  # noqa: S101  # a function's result is always one row
    return str(row[0])


def record_plan(
    engine: sa.Engine,
    units: Sequence[WorkUnit],
    *,
    run_id: str,
    priorities: Mapping[str, Priority],
    now: datetime,
    look: str | None = None,
) -> None:
    """Record units as pending before a run asks for the first one.

    A unit that ended is opened again: the plan follows from what is owed, and a receipt is no reason not to ask. Two
    kinds are left as they are: those that another run leases at this moment, and those that ended since `look`, of
    which the plan did not know.

    Args:
        engine: the store's.
        units: of one plan.
        run_id: the Dagster run, or cli.
        priorities: by unit id; normal where there is none.
        now: aware.
        look: of `look`, from before reading what the plan follows from; None: every ended unit is opened.
    """
    if not units:
        return
    # All writers lock units in the order of their ids, so that none waits for another in a circle.
    ordered = sorted(units, key=lambda unit: unit.unit_id)
    levels = [priorities.get(unit.unit_id, Priority.NORMAL).dagster_priority for unit in ordered]
    values = {**unit_columns(ordered), "priorities": levels, "run_id": run_id, "now": now, "look": look}
    with transaction(engine) as connection:
        connection.execute(statement("ledger/units_plan"), values)


def finish_units(
    cursor: psycopg.Cursor, ends: Iterable[FinishedUnit], *, run_id: str, now: datetime, holder: str | None = None
) -> set[str]:
    """Record how units ended, in the transaction that stores their rows.

    Args:
        cursor: inside that transaction.
        ends: the units, each with its outcome.
        run_id: the Dagster run, or cli.
        now: aware.
        holder: who leased the units; None where they were asked for without the queue.

    Returns:
        Ids of the units that were ended. The others were leased by somebody else meanwhile, whose end counts.
    """
    newest = {end.unit.unit_id: end for end in ends}
    ordered = [newest[unit_id] for unit_id in sorted(newest)]
    if not ordered:
        return set()
    failures, terms = _failures(cursor, ordered)
    states = [
        after_failure(end.error_class, 1 if end.late else count, now, random.random(), its) if end.error else _DONE  # noqa: S311
        for end, count, its in zip(ordered, failures, terms, strict=True)
    ]
    values = {
        **unit_columns([end.unit for end in ordered]),
        "statuses": [str(state.status) for state in states],
        "failures": failures,
        "not_before": [state.not_before for state in states],
        "rows": [end.rows for end in ordered],
        "bytes": [end.bytes for end in ordered],
        "elapsed_ms": [end.elapsed_ms for end in ordered],
        "errors": [end.error for end in ordered],
        "error_classes": [str(end.error_class) if end.error else None for end in ordered],
        "started_at": [end.started_at for end in ordered],
        "run_id": run_id,
        "now": now,
        "holder": holder,
    }
    return {unit_id for (unit_id,) in cursor.execute(statement("ledger/units_finish"), values)}


def cancel_units(cursor: psycopg.Cursor, unit_ids: Sequence[str], *, reason: str, now: datetime) -> int:
    """Cancel units that are open or dead; returns how many. Whoever is asking for one leaves it cancelled.

    Args:
        cursor: inside a transaction.
        unit_ids: those that are over already stay as they are.
        reason: in words.
        now: aware.
    """
    if not unit_ids:
        return 0
    values = {"unit_ids": list(unit_ids), "reason": reason, "now": now}
    return cursor.execute(statement("ledger/units_cancel"), values).rowcount


def unit_states(engine: sa.Engine, unit_ids: Sequence[str]) -> dict[str, UnitState]:
    """Where units are, by id; those that the ledger does not have are left out."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("ledger/units_state"), {"unit_ids": list(unit_ids)}).fetchall()
    return {unit_id: UnitState(UnitStatus(status), *others) for unit_id, status, *others in rows}


def units_done(engine: sa.Engine, units: Sequence[WorkUnit]) -> bool:
    """Whether every one of the units is done."""
    with transaction(engine) as connection:
        row = connection.execute(
            statement("ledger/units_done"), {"unit_ids": [unit.unit_id for unit in units]}
        ).fetchone()
    return row is not None and row[0] == len(units)


def _class_of(unit: WorkUnit, error: VendorError) -> ErrorClass:
    """A malformed answer for one ticker, again and again, is the data's fault; one for the market may be the line's."""
    if isinstance(error, MalformedAnswerError) and unit.subject != "*":
        return ErrorClass.PERMANENT
    return error.error_class


def _failures(cursor: psycopg.Cursor, ends: Sequence[FinishedUnit]) -> tuple[list[int], list[RetryTerms]]:
    """Of each unit, its bad ends in a row with this one, and the retry terms of its type as they are now.

    One that is only late does not add to its bad ends, and stays within its terms however often it is.
    """
    if not any(end.error for end in ends):
        return [0] * len(ends), [RetryTerms()] * len(ends)
    values = {"unit_ids": [end.unit.unit_id for end in ends]}
    before: dict[str, int] = {}
    terms: dict[str, RetryTerms] = {}
    for unit_id, count, max_retries, multiplier in cursor.execute(statement("ledger/units_failures"), values):
        before[unit_id] = count
        if max_retries is not None:
            terms[unit_id] = RetryTerms(1 + max_retries, multiplier)
    counts = [(before.get(end.unit.unit_id, 0), end) for end in ends]
    own = [
        replace(its, most_failures=max(2, its.most_failures)) if end.late else its
        for end in ends
        for its in (terms.get(end.unit.unit_id, RetryTerms()),)
    ]
    return [0 if not end.error else max(count, 1) if end.late else count + 1 for count, end in counts], own


def unit_columns(units: Sequence[WorkUnit]) -> dict[str, list[object]]:
    """The identity of units as arrays, one entry a unit, as the statements of the ledger take them."""
    return {
        "unit_ids": [unit.unit_id for unit in units],
        "datasets": [str(unit.dataset) for unit in units],
        "kinds": [str(unit.kind) for unit in units],
        "markets": [unit.market for unit in units],
        "sources": [unit.source for unit in units],
        "subjects": [unit.subject for unit in units],
        "firsts": [unit.first for unit in units],
        "lasts": [unit.last for unit in units],
        "cells": [unit.cells for unit in units],
    }


_DONE = Outcome(UnitStatus.DONE)
