"""The processing queue: putting entries into the ledger for any worker, trying them again, dropping them.

An entry is a work unit that was enqueued. A unit that a run plans for itself, as the loads of bars do, is none: its run
asks for it, and the next plan again. Looking at entries belongs in `adapters.ledger.queue_reading`, leasing and ending
them in `adapters.ledger.queue_work`, bounds in `core.loading.queueing`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.queue_reading import unknown_entry
from tickstock_dagster.adapters.ledger.units import cancel_units, unit_columns
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.ledger import OPEN, UnitStatus
from tickstock_dagster.core.loading.planning import WorkUnit
from tickstock_dagster.core.loading.queueing import QueueBounds, refuse_overflow
from tickstock_dagster.core.priority import Priority

OTHER_TYPE = "OTHER"
"""The type whose rules hold for securities of an unknown one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A unit to put into the queue.

    Attributes:
        unit: what to ask for.
        equity_type: the vendor's code, by whose rules it is tried again and under whose bound it waits; one without
            rules of its own counts as OTHER, None as of no type.
        priority: None: that of its type, and normal without one.
    """

    unit: WorkUnit
    equity_type: str | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What became of units that were to be put into the queue.

    Attributes:
        new: entries that were not open before.
        raised: open ones whose priority was raised.
        known: open ones that stay as they are.
        held: ids of dead letters and of dropped entries: they wait for a person, and are not opened again by this.
    """

    new: int
    raised: int
    known: int
    held: tuple[str, ...]


def enqueue(
    engine: sa.Engine, wanted: Iterable[Wanted], *, bounds: QueueBounds, run_id: str, now: datetime
) -> Enqueued:
    """Put units into the queue, all or none; twice is as once.

    An open entry of the same question is the same entry: it keeps its age, its attempts and its lease, and the higher
    of the two priorities. What was done waits again.

    Args:
        engine: the store's.
        wanted: of several the same unit, the most urgent counts.
        bounds: the most open entries.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        QueueFullError: there is no room for all of them; nothing was put in.
        ServiceUnavailableError: the database cannot be reached; nothing was put in.
    """
    with transaction(engine) as connection, connection.cursor() as cursor:
        lock(cursor, Lock.QUEUE)  # two that count at once would both see the room that is there for one
        chosen = _by_id(wanted, dict(cursor.execute(statement("ledger/queue_types")).fetchall()))
        there = _standing(cursor, sorted(chosen))
        held = tuple(unit_id for unit_id, was in there.items() if was.waits_for_a_person)
        added = [unit_id for unit_id in chosen if unit_id not in there or there[unit_id].becomes_new]
        raised = [
            unit_id
            for unit_id, was in there.items()
            if was.is_open_entry and chosen[unit_id].priority.dagster_priority > was.priority
        ]
        _refuse_overflow(cursor, bounds, (chosen[unit_id].equity_type for unit_id in added))
        _write(cursor, [chosen[unit_id] for unit_id in sorted({*added, *raised})], run_id, now)
    known = len(chosen) - len(added) - len(raised) - len(held)
    return Enqueued(len(added), len(raised), known, held)


def retry_entries(
    engine: sa.Engine, unit_ids: Sequence[str] | None, *, bounds: QueueBounds, run_id: str, now: datetime,
    dataset: str | None = None,
) -> int:  # fmt: skip
    """Try entries again now, with a full number of attempts; all of them or none.

    Args:
        engine: the store's.
        unit_ids: dead letters, dropped entries, and those that wait to be tried again; None: all dead letters.
        bounds: the most open entries.
        run_id: the Dagster run, or cli.
        now: aware.
        dataset: with None for `unit_ids`: the dead letters of this dataset alone.

    Returns:
        How many are tried again.

    Raises:
        BadInputError: an id is none of such an entry.
        QueueFullError: there is no room for all of them.
    """
    with transaction(engine) as connection, connection.cursor() as cursor:
        lock(cursor, Lock.QUEUE)
        if unit_ids is None:
            found = cursor.execute(statement("ledger/queue_letters"), {"dataset": dataset})
            unit_ids = [unit_id for (unit_id,) in found]
        again = {UnitStatus.DEAD, UnitStatus.CANCELLED, UnitStatus.RETRYING}
        there = _chosen(cursor, unit_ids, again, "tried again")
        closed = (was.equity_type for was in there.values() if was.status not in OPEN)
        _refuse_overflow(cursor, bounds, closed)
        values = {"unit_ids": sorted(there), "run_id": run_id, "now": now}
        return cursor.execute(statement("ledger/queue_retry"), values).rowcount


def drop_entries(engine: sa.Engine, unit_ids: Sequence[str], *, reason: str, now: datetime) -> int:
    """Drop entries: they stay in the ledger, cancelled and with the reason; all of them or none.

    A worker that is asking for one of them stores nothing of it.

    Args:
        engine: the store's.
        unit_ids: open ones and dead letters.
        reason: why, in words.
        now: aware.

    Returns:
        How many were dropped.

    Raises:
        BadInputError: an id is none of such an entry, or the reason is empty.
    """
    words = " ".join(reason.split())
    if not words:
        raise BadInputError("reason", reason, "why they are dropped, in words")
    with transaction(engine) as connection, connection.cursor() as cursor:
        there = _chosen(cursor, unit_ids, {*OPEN, UnitStatus.DEAD}, "dropped")
        return cancel_units(cursor, sorted(there), reason=f"dropped: {words}", now=now)


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a unit is before it is changed."""

    status: UnitStatus
    priority: int
    equity_type: str | None
    is_entry: bool

    @property
    def is_open_entry(self) -> bool:
        return self.is_entry and self.status in OPEN

    @property
    def waits_for_a_person(self) -> bool:
        return self.is_entry and self.status in (UnitStatus.DEAD, UnitStatus.CANCELLED)

    @property
    def becomes_new(self) -> bool:
        return not self.is_open_entry and not self.waits_for_a_person


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A unit with the type and the priority that hold for it."""

    unit: WorkUnit
    equity_type: str | None
    priority: Priority


def _by_id(wanted: Iterable[Wanted], types: Mapping[str, str]) -> dict[str, _Chosen]:
    chosen: dict[str, _Chosen] = {}
    for one in wanted:
        code = one.equity_type if one.equity_type is None or one.equity_type in types else OTHER_TYPE
        usual = Priority.NORMAL if code is None else Priority(types.get(code, Priority.NORMAL))
        priority = one.priority or usual
        before = chosen.get(one.unit.unit_id)
        if before is None or priority.level < before.priority.level:
            chosen[one.unit.unit_id] = _Chosen(one.unit, code, priority)
    return chosen


def _standing(cursor: psycopg.Cursor, unit_ids: Sequence[str]) -> dict[str, _Standing]:
    rows = cursor.execute(statement("ledger/queue_standing"), {"unit_ids": list(unit_ids)})
    return {unit_id: _Standing(UnitStatus(status), *others) for unit_id, status, *others in rows}


def _chosen(
    cursor: psycopg.Cursor, unit_ids: Sequence[str], accepted: set[UnitStatus], what: str
) -> dict[str, _Standing]:
    """Entries in one of some states, locked; an error for the first id that is none."""
    there = _standing(cursor, sorted(set(unit_ids)))
    for unit_id in unit_ids:
        was = there.get(unit_id)
        if was is None:
            raise unknown_entry(unit_id)
        if not was.is_entry:
            words = "an entry of the queue; this is a unit that a run plans for itself, and the next one again"
            raise BadInputError("id", unit_id, words)
        if was.status not in accepted:
            raise BadInputError("id", unit_id, f"an entry that can be {what}; this one is {was.status}")
    return there


def _refuse_overflow(cursor: psycopg.Cursor, bounds: QueueBounds, more: Iterable[str | None]) -> None:
    refuse_overflow(bounds, dict(cursor.execute(statement("ledger/queue_open")).fetchall()), Counter(more))


def _write(cursor: psycopg.Cursor, chosen: Sequence[_Chosen], run_id: str, now: datetime) -> None:
    if not chosen:
        return
    values = {
        **unit_columns([one.unit for one in chosen]),
        "priorities": [one.priority.dagster_priority for one in chosen],
        "equity_types": [one.equity_type for one in chosen],
        "run_id": run_id,
        "now": now,
    }
    cursor.execute(statement("ledger/queue_enqueue"), values)
