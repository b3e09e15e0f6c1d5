"""Publishing a session's end-of-day work: its progress, and once its completion, with the ledger's unit."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.events.envelope import EodComplete, EodState, EodStatus, Event
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit


def declare_complete(
    engine: sa.Engine,
    state: Completeness,
    gaps: Mapping[str, int],
    *,
    market: str,
    source: str,
    run_id: str,
    started_at: datetime,
    now: datetime,
) -> bool:
    """Record that a session is complete, and publish it; False where that was done before.

    Args:
        engine: the store's.
        state: the session's completeness.
        gaps: its gaps by reason.
        market: MIC of the calendar.
        source: name of the source.
        run_id: the Dagster run, or cli.
        started_at: aware; when the load began.
        now: aware.
    """
    unit = WorkUnit(UnitKind.SESSION, market, source, "*", state.session, state.session, state.expected)
    data = EodComplete(
        **_counts(state, gaps, market, run_id),
        started_at=started_at,
        finished_at=now,
    )
    event = Event.of(data, time=now, dedupe_key="complete")
    with transaction(engine) as connection:
        if not write_events(connection, [event]):
            return False
        end = FinishedUnit(unit, state.stored, started_at)
        finish_units(connection.cursor(), [end], run_id=run_id, now=now)
    return True


def record_caught_up(
    engine: sa.Engine,
    states: Sequence[Completeness],
    *,
    market: str,
    source: str,
    run_id: str,
    started_at: datetime,
    now: datetime,
) -> int:
    """Record that earlier sessions are complete now, without an event: what follows from a session may be made up for.

    Sessions before the first one that was ever declared complete are left out: nothing has followed from them.

    Args:
        engine: the store's.
        states: their completeness.
        market: MIC of the calendar.
        source: name of the source.
        run_id: the Dagster run.
        started_at: aware; when the load began.
        now: aware.

    Returns:
        The number of sessions recorded for the first time.
    """
    with transaction(engine) as connection:
        row = connection.execute(statement("ledger/sessions_declared"), {"market": market}).fetchone()
        first, declared = row or (None, [])
        new = [state for state in states if first and state.session > first and state.session not in declared]
        ends = [
            FinishedUnit(
                WorkUnit(UnitKind.SESSION, market, source, "*", state.session, state.session, state.expected),
                state.stored,
                started_at,
            )
            for state in new
        ]
        finish_units(connection.cursor(), ends, run_id=run_id, now=now)
    return len(new)


def newest_declared(engine: sa.Engine, market: str) -> date | None:
    """The newest session of a market that is recorded as complete; None where none is."""
    with transaction(engine) as connection:
        row = connection.execute(statement("ledger/sessions_declared"), {"market": market}).fetchone()
    return max(row[1], default=None) if row else None


@dataclass(frozen=True, slots=True)
class AttemptStatus:
    """How far an attempt at a session is, for consumers.

    Attributes:
        completeness: the session's, as committed.
        gaps: its gaps by reason.
        state: started, progress, incomplete, failed or overdue.
        market: MIC of the calendar.
        attempt: number of the attempt, from 1.
        run_id: the run of the attempt; None outside of one.
        step: distinguishes events of the same run and state, such as the number of units done.
        message: one line for people.
        due_at: when the objective was due, for overdue.
    """

    completeness: Completeness
    gaps: Mapping[str, int]
    state: EodState
    market: str
    attempt: int
    run_id: str | None
    step: str = ""
    message: str | None = None
    due_at: datetime | None = None


def publish_status(engine: sa.Engine, status: AttemptStatus, *, now: datetime) -> bool:
    """Publish how far an attempt is; False where that was published before. `now` is aware."""
    data = EodStatus(
        **_counts(status.completeness, status.gaps, status.market, status.run_id),
        state=status.state,
        attempt=status.attempt,
        message=status.message,
        due_at=status.due_at,
    )
    key = f"{status.run_id or status.market}/{status.state}/{status.step}"
    with transaction(engine) as connection:
        return write_events(connection, [Event.of(data, time=now, dedupe_key=key)]) > 0


def _counts(state: Completeness, gaps: Mapping[str, int], market: str, run_id: str | None) -> dict[str, Any]:
    """The fields that both kinds of event share."""
    return {
        "session": state.session,
        "market": market,
        "expected": state.expected,
        "stored": state.stored,
        "explained": state.final,
        "missing": state.missing,
        "gaps_by_reason": dict(gaps),
        "run_id": run_id,
    }


@dataclass(frozen=True, slots=True)
class CompletionEvent:
    """The event of a session's completion; `sent_at` is None while it waits for Redis."""

    event_id: uuid.UUID
    sent_at: datetime | None


def completion_event(engine: sa.Engine, session: date, market: str) -> CompletionEvent | None:
    """The `tickstock.eod.complete` event of a session, None where there is none yet."""
    values = {"channel": EodComplete.channel, "subject": f"{market}/{session}"}
    with transaction(engine) as connection:
        row = connection.execute(statement("events/outbox_event_of"), values).fetchone()
    return CompletionEvent(*row) if row else None
