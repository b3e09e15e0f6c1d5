"""Declaring a session's end-of-day work done: once, with its event, in one transaction."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.bar_store import unit_values
from tickstock_dagster.adapters.database import transaction
from tickstock_dagster.adapters.outbox import write_events
from tickstock_dagster.adapters.sql_files import statement
from tickstock_dagster.core.coverage import Completeness
from tickstock_dagster.core.events import EodComplete, Event
from tickstock_dagster.core.planning import WorkUnit


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
    """Record that a session is complete and tell so; False where that was done before."""
    unit = WorkUnit("session", market, source, "*", state.session, state.session, state.expected)
    data = EodComplete(
        session=state.session,
        market=market,
        expected=state.expected,
        stored=state.stored,
        explained=state.final,
        missing=state.missing,
        gaps_by_reason=dict(gaps),
        run_id=run_id,
        started_at=started_at,
        finished_at=now,
    )
    event = Event.of(data, time=now, dedupe_key="complete")
    values = {
        **unit_values(unit),
        "status": "done",
        "rows": state.stored,
        "error": None,
        "run_id": run_id,
        "started_at": started_at,
        "now": now,
    }
    with transaction(engine) as connection:
        if not write_events(connection, [event]):
            return False
        connection.execute(statement("units_finish"), values)
    return True


@dataclass(frozen=True, slots=True)
class CompletionEvent:
    """The event that told of a session's end; `sent_at` None while it waits for Redis."""

    event_id: uuid.UUID
    sent_at: datetime | None


def completion_event(engine: sa.Engine, session: date, market: str) -> CompletionEvent | None:
    """The `tickstock.eod.complete` event of a session, None where there is none yet."""
    values = {"channel": EodComplete.channel, "subject": f"{market}/{session}"}
    with transaction(engine) as connection:
        row = connection.execute(statement("outbox_event_of"), values).fetchone()
    return CompletionEvent(*row) if row else None
