"""Working on the processing queue: leasing the most urgent entries, asking for them, storing each answer once.

An answer and the end of its entry are one transaction, in which the entry is locked and the worker still has its lease.
So whatever is killed whenever, an entry's rows are stored once or not at all: a worker that has lost its lease, for the
entry was taken over or dropped, stores nothing of it. How an entry is answered is for the handler of its dataset;
telling of those that failed for good belongs in `adapters.ledger.dead_letters`.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Generic, Protocol, TypeVar

import psycopg

from tickstock_dagster.adapters.ledger.dead_letters import publish_dead
from tickstock_dagster.adapters.ledger.leases import LEASE, Holder, expire_leases, lightly
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import ServiceUnavailableError, TickstockError
from tickstock_dagster.core.loading.ledger import Dataset, ErrorClass
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

FIRST_LEASE, MOST_LEASED = 25, 500
"""Entries leased at once: few at first, then as many as are answered in about `LEASE_SECONDS`, so that a worker that is
slow keeps few from the others, and a quick one does not ask the store for each."""

LEASE_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""So often a worker frees leases of workers that are gone, and opens what may be tried again."""

Payload = TypeVar("Payload")


@dataclass(frozen=True, slots=True)
class Answered(Generic[Payload]):
    """How one entry was answered: its end, and what is to be stored; None where there is nothing to store."""

    end: FinishedUnit
    payload: Payload | None = None


class Handler(Protocol[Payload]):
    """How the entries of one dataset are answered."""

    def ask(self, units: Sequence[WorkUnit]) -> Iterator[Sequence[Answered[Payload]]]:
        """Ask for units, in their order; answers as they come, each of which is stored before the next is taken.

        Units without an answer stay as they are: the source is away, and this worker takes no further ones of it.

        Raises:
            VendorError: the key may not ask at all; the answers so far were yielded.
        """
        ...

    def store(self, cursor: psycopg.Cursor, answers: Sequence[Answered[Payload]]) -> None:
        """Store answers in the caller's transaction, in which their entries end."""
        ...


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """When a worker stops: after so many entries, or so many seconds (asking goes on until its answers are there)."""

    entries: int
    seconds: float


@dataclass(slots=True)
class WorkReport:
    """What a worker did.

    Attributes:
        leased: entries it took.
        ended: entries that it ended, well or badly.
        rows: good rows in their answers.
        failed: of the ended, those that failed; what is not dead is tried again.
        dead: of the failed, those that failed for good.
        lost: answers not stored, since the entry was taken over or dropped meanwhile.
        away: datasets whose source did not answer all.
    """

    leased: int = 0
    ended: int = 0
    rows: int = 0
    failed: int = 0
    dead: int = 0
    lost: int = 0
    away: set[Dataset] = field(default_factory=set)


@dataclass(slots=True)
class Worker:
    """Works on the entries of one source, under the leases of `holder`. One thread uses it.

    Attributes:
        handlers: by dataset; only entries of these are leased.
        market: MIC of the calendar.
        source: name of the source.
        clock: gives aware times.
    """

    holder: Holder
    handlers: Mapping[Dataset, Handler]  # type: ignore[type-arg]  # each has a payload of its own
    market: str
    source: str
    clock: Callable[[], datetime]
    report: WorkReport = field(default_factory=WorkReport)
    _size: int = FIRST_LEASE
    _looked: float = float("-inf")
    _renewed: datetime | None = None

    def work(self, limits: WorkLimits) -> WorkReport:
        """Lease and answer entries until none is due, or a limit is reached.

        Raises:
            VendorError: the key may not ask; what was answered is stored, the other leases are given back.
            ServiceUnavailableError: the database cannot be reached.
        """
        begun = time.monotonic()
        try:
            while (room := limits.entries - self.report.leased) > 0 and time.monotonic() - begun < limits.seconds:
                units = self._lease(min(self._size, room))
                if not units:
                    break
                started = time.monotonic()
                for dataset, some in groupby(units, key=lambda unit: unit.dataset):
                    self._answer(dataset, list(some))
                took = time.monotonic() - started
                self._size = min(MOST_LEASED, max(1, round(self._size * min(4.0, LEASE_SECONDS / max(took, 0.01)))))
        finally:
            self.holder.release()
        return self.report

    def _lease(self, limit: int) -> list[WorkUnit]:
        """The most urgent entries, those of one dataset together; after a look whether more have become free."""
        now = self.clock()
        for _ in range(2):
            if looks := time.monotonic() - self._looked >= LOOK_SECONDS:
                self._look(now)
            if units := self._lease_waiting(limit, now):
                break
            if looks:
                break
            self._looked = float("-inf")  # nothing waits: somebody's lease may have ended this moment
        self.report.leased += len(units)
        # Handlers are asked once each; within a dataset the most urgent entries stay first.
        return sorted(units, key=lambda unit: list(self.handlers).index(unit.dataset))

    def _look(self, now: datetime) -> None:
        expire_leases(self.holder.engine, now)
        with lightly(self.holder.engine) as connection:
            connection.execute(statement("ledger/queue_due"), {"now": now})
        self._looked = time.monotonic()

    def _lease_waiting(self, limit: int, now: datetime) -> list[WorkUnit]:
        datasets = [str(dataset) for dataset in self.handlers if dataset not in self.report.away]
        values = {
            "datasets": datasets,
            "market": self.market,
            "source": self.source,
            "limit": limit,
            "now": now,
            "until": now + LEASE,
            "holder": self.holder.name,
            "run_id": self.holder.run_id,
        }
        with lightly(self.holder.engine) as connection:
            rows = connection.execute(statement("ledger/queue_lease"), values).fetchall()
        self._renewed = now
        return [
            WorkUnit(UnitKind(kind), market, source, subject, first, last, cells, Dataset(dataset))
            for _, _, dataset, kind, market, source, subject, first, last, cells in sorted(rows)
        ]

    def _answer(self, dataset: Dataset, units: Sequence[WorkUnit]) -> None:
        """Ask for units and store the answers; where asking breaks, one by one, so that an odd one ends alone."""
        handler, left = self.handlers[dataset], {unit.unit_id: unit for unit in units}
        try:
            for answers in handler.ask(units):
                self._store(handler, answers)
                for answer in answers:
                    left.pop(answer.end.unit.unit_id, None)
                self._renew()
        except TickstockError:
            raise  # it says itself what a person can do, such as about a key that may not ask
        except Exception as error:  # noqa: BLE001  # whatever a handler does not expect: the entry, or its own mistake
            if len(units) > 1:
                for unit in left.values():
                    self._answer(dataset, [unit])
                return
            words = f"it could not be asked for: {type(error).__name__}: {error}"
            end = FinishedUnit(units[0], 0, self.clock(), words, ErrorClass.PERMANENT)
            self._end(handler, [Answered(end)])
            return
        if left:
            self.report.away.add(dataset)

    def _renew(self) -> None:
        now = self.clock()
        if self._renewed is not None and now - self._renewed > LEASE / 3:
            self.holder.renew(now)
            self._renewed = now

    def _store(self, handler: Handler, answers: Sequence[Answered]) -> None:  # type: ignore[type-arg]
        """Store answers together; where that fails, one by one, so that an odd one ends its own entry alone."""
        try:
            self._end(handler, answers)
        except ServiceUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  # what the store refuses, or what the handler did not expect
            if len(answers) > 1:
                for answer in answers:
                    self._store(handler, [answer])
                return
            words = f"its answer could not be stored: {error}"
            end = replace(answers[0].end, rows=0, error=words, error_class=ErrorClass.PERMANENT, late=False)
            self._end(handler, [Answered(end)])

    def _end(self, handler: Handler, answers: Sequence[Answered]) -> None:  # type: ignore[type-arg]
        now, holder = self.clock(), self.holder
        ids = [answer.end.unit.unit_id for answer in answers]
        with transaction(holder.engine) as connection, connection.cursor() as cursor:
            values = {"unit_ids": ids, "holder": holder.name}
            mine = {unit_id for (unit_id,) in cursor.execute(statement("ledger/queue_mine"), values)}
            own = [answer for answer in answers if answer.end.unit.unit_id in mine]
            if to_store := [answer for answer in own if answer.payload is not None]:
                handler.store(cursor, to_store)
            ends = [answer.end for answer in own]
            finish_units(cursor, ends, run_id=holder.run_id, now=now, holder=holder.name)
            dead = publish_dead(cursor, [end for end in ends if end.error], holder.run_id, now)
        self.report.ended += len(ends)
        self.report.rows += sum(end.rows for end in ends)
        self.report.failed += sum(end.error is not None for end in ends)
        self.report.dead += dead
        self.report.lost += len(answers) - len(own)
