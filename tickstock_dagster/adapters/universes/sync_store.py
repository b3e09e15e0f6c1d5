"""The synchronisation of universes in the store: staging the proposals of tasks, and applying them in one transaction.

`adapters.universes.sync_reading` reads the inputs of tasks; `core` makes the proposals and merges them into one plan;
`adapters.universes.membership_store` revises the memberships. A killed process leaves the members of the session
before or those of this one, never a mix.

Longer than 250 lines because a plan is written whole or not at all: its order of writing is read in one place.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.membership_rows import (
    MembershipChange,
    lock_memberships,
    locked_list,
    revise_list,
    write_changes,
)
from tickstock_dagster.adapters.universes.membership_store import Determination, apply_determinations
from tickstock_dagster.adapters.universes.sync_reading import states_in
from tickstock_dagster.core.events.envelope import CacheSyncComplete, Event, UniverseUpdated
from tickstock_dagster.core.events.universe_data import SyncTask
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.universes.sync_guards import refuse_drops, refuse_missing
from tickstock_dagster.core.universes.sync_proposals import proposals_from_json, proposals_to_json
from tickstock_dagster.core.universes.sync_tasks import determine_by_rule
from tickstock_dagster.core.universes.synchronisation import (
    TASKS,
    StagedTask,
    SyncPlan,
    UniverseChange,
    merge,
)

SOURCE = "tickstock"
"""`work_units.source` of units that ask no source."""


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What one application did.

    Attributes:
        plan: the merged proposals.
        published: one event per universe whose members changed.
        tasks: the tasks, as staged.
        started_at: when the first task began, UTC.
        written: False where the same plan was applied before.
    """

    plan: SyncPlan
    published: tuple[UniverseUpdated, ...]
    tasks: tuple[StagedTask, ...]
    started_at: datetime
    written: bool


def sync_unit(market: str, session: date) -> WorkUnit:
    """The unit that is done once a session's universes are synchronised."""
    return WorkUnit(UnitKind.SYNC, market, SOURCE, "*", session, session)


def stage(engine: sa.Engine, session: date, task: StagedTask, *, run_id: str, now: datetime) -> bool:
    """Keep a task's proposals for a session; returns whether they differ from those staged before.

    Args:
        engine: the store's.
        session: the session.
        task: the task, with its proposals.
        run_id: the Dagster run, or cli.
        now: aware.
    """
    values = {
        "session": session,
        "task": task.task,
        "proposals": json.dumps(proposals_to_json(task.proposals)),
        "examined": task.examined,
        "seconds": task.seconds,
        "skipped": task.skipped,
        "run_id": run_id,
        "now": now,
    }
    with transaction(engine) as connection:
        return bool(connection.execute(statement("universes/sync_stage"), values).rowcount)


def apply_staged(
    engine: sa.Engine, session: date, *, market: str, accept_drops: Collection[str], run_id: str, now: datetime
) -> SyncOutcome:
    """Apply every staged proposal of a session in one transaction; a second call writes nothing.

    Args:
        engine: the store's.
        session: the session.
        market: MIC of the calendar.
        accept_drops: universes that may lose more than a tenth of their members.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        SyncRefusedError: a task staged nothing yet, or a universe would lose too many members. Nothing was written.
        ServiceUnavailableError: the database cannot be reached. Nothing was written.
    """
    with transaction(engine) as connection:
        lock_memberships(connection)
        tasks, started_at = _staged(connection, session)
        refuse_missing(session, tasks)
        plan = merge(tasks, states_in(connection, session))
        refuse_drops(session, plan, accepted=accept_drops)
        published = _apply(connection, plan, session, run_id, now)
        for universe, figures in plan.metadata.items():
            metadata = json.dumps({**figures, "as_of": str(session)})
            connection.execute(
                statement("universes/sync_metadata"), {"universe": universe, "metadata": metadata, "now": now}
            )
        unit = sync_unit(market, session)
        row = connection.execute(statement("ledger/units_done"), {"unit_ids": [unit.unit_id]}).fetchone()
        written = bool(published) or row is None or not row[0]
        if written:
            _finish(connection, unit, plan, published, tasks, started_at, run_id, now)
    return SyncOutcome(plan, published, tuple(tasks), started_at, written)


def determine(
    engine: sa.Engine,
    session: date,
    universes: Collection[str],
    facts: pl.DataFrame,
    *,
    accept_drops: Collection[str],
    run_id: str,
    now: datetime,
) -> tuple[UniverseUpdated, ...]:
    """Determine universes for a session by their rules alone, in one transaction; a second call writes nothing.

    Args:
        engine: the store's.
        session: the session.
        universes: canonical names; those without a rule are left out.
        facts: `core.universes.facts.FACT_SCHEMA` of the session.
        accept_drops: as for `apply_staged`.
        run_id: the Dagster run, or cli.
        now: aware.

    Returns:
        The published events.

    Raises:
        SyncRefusedError: a universe would lose too many members. Nothing was written.
    """
    with transaction(engine) as connection:
        lock_memberships(connection)
        states = [state for state in states_in(connection, session) if state.key in universes]
        plan = merge(determine_by_rule(states, facts), states)
        refuse_drops(session, plan, accepted=accept_drops)
        return _apply(connection, plan, session, run_id, now)


def _staged(connection: psycopg.Connection, session: date) -> tuple[list[StagedTask], datetime]:
    rows = {row[0]: row[1:] for row in connection.execute(statement("universes/sync_staged"), {"session": session})}
    tasks = [
        StagedTask(task, proposals_from_json(task, found[0]), *found[1:4])
        for task in TASKS
        if (found := rows.get(task))
    ]
    began = [found[4] - timedelta(seconds=found[2]) for found in rows.values()]
    return tasks, min(began, default=datetime.max.replace(tzinfo=UTC))


def _apply(
    connection: psycopg.Connection, plan: SyncPlan, session: date, run_id: str, now: datetime
) -> tuple[UniverseUpdated, ...]:
    determinations = [
        Determination(
            change.universe.key,
            session,
            change.members,
            change.task,
            change.rule_version,
            change.reasons,
            change.evidence,
        )
        for change in plan.changes
        if change.members is not None
    ]
    published = list(apply_determinations(connection, determinations, run_id=run_id, now=now))
    joined = {data.universe: {one.symbol for one in data.added} for data in published}
    for change in plan.changes:
        if change.members is None:
            data = _shorten_list(connection, change, session, run_id, now)
            published += [data] if data else []
        elif new := [one for one in change.classified if one.ticker in joined.get(change.universe.key, ())]:
            rows = [
                MembershipChange(
                    session, one.security_id, one.ticker, "classified", "a new listing", after=dict(one.facts)
                )
                for one in new
            ]
            write_changes(
                connection,
                change.universe.key,
                rows,
                task=change.task,
                rule_version=change.rule_version,
                event=None,
                run_id=run_id,
                at=now,
            )
    return tuple(sorted(published, key=lambda data: data.universe))


def _shorten_list(
    connection: psycopg.Connection, change: UniverseChange, session: date, run_id: str, now: datetime
) -> UniverseUpdated | None:
    """Remove delisted securities from a list, which is not determined by session."""
    key = change.universe.key
    _membership, before = locked_list(connection, key)
    leaving = {one.ticker: one for one in change.departures if one.ticker in before}
    after = [ticker for ticker in before if ticker not in leaving]
    if not leaving or not after:
        return None
    return revise_list(
        connection,
        key,
        after,
        [MembershipChange(session, one.security_id, one.ticker, "removed", one.reason) for one in leaving.values()],
        session=session,
        task=change.task,
        run_id=run_id,
        dedupe_key=f"{session}/{','.join(sorted(leaving))}/{run_id}",
        at=now,
    )


def _finish(
    connection: psycopg.Connection,
    unit: WorkUnit,
    plan: SyncPlan,
    published: Iterable[UniverseUpdated],
    tasks: Iterable[StagedTask],
    started_at: datetime,
    run_id: str,
    now: datetime,
) -> None:
    """Write the session's unit and event, after everything that they report."""
    published = list(published)
    data = CacheSyncComplete(
        session=unit.first,
        universes=len(plan.changes),
        changed=tuple(one.universe for one in published),
        added=sum(len(one.added) for one in published),
        removed=sum(len(one.removed) for one in published),
        tasks=tuple(
            SyncTask(
                task=one.task,
                seconds=one.seconds,
                examined=one.examined,
                changes=one.changes,
                skipped=one.skipped,
            )
            for one in tasks
        ),
        started_at=min(started_at, now),  # a clock may be set back in between
        finished_at=now,
        run_id=run_id,
    )
    write_events(connection, [Event.of(data, time=now, dedupe_key=f"{run_id}/{now.isoformat()}")])
    end = FinishedUnit(unit, data.added + data.removed, started_at)
    finish_units(connection.cursor(), [end], run_id=run_id, now=now)
