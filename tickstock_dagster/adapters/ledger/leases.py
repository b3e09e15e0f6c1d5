"""Leases: who is asking for which units at this moment, so that two runs never ask for the same one.

A lease ends when its holder ends the unit or gives it back, when its time is over, or at once when the holder's process
ends: while it lives it shows so (`adapters.postgres.locks.Alive`), and a lease without a sign of life is free. So a
load that is started again after a kill goes on without waiting. A load works through its units by `UnitQueue`.

Longer than 250 lines because leases and the queue that works through them are one protocol.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.units import UnitState, cancel_units, unit_states
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Alive, Living
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import ServiceUnavailableError
from tickstock_dagster.core.loading.ledger import UnitStatus
from tickstock_dagster.core.loading.planning import WorkUnit

LEASE = timedelta(minutes=30)
"""How long a lease lasts without being renewed: for a holder that lives and hangs."""

LONGEST_WAIT = 15 * 60.0
"""Seconds for which a load waits at most for units that others lease, since the last of them ended."""

POLL_SECONDS = 0.25

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """One load as a holder of leases: `name` is the run and a mark of its own, since a run may have several loads."""

    engine: sa.Engine
    run_id: str
    name: str
    alive: Alive

    def lease(self, unit_ids: Sequence[str], limit: int, now: datetime, lasting: timedelta = LEASE) -> list[str]:
        """Lease those of some units that wait, the most urgent first.

        Args:
            unit_ids: among which to choose; of equally urgent ones the first come first.
            limit: at most so many.
            now: aware.
            lasting: how long the lease lasts.

        Returns:
            Ids of the leased units, the most urgent first.
        """
        values = {
            "unit_ids": list(unit_ids),
            "limit": limit,
            "now": now,
            "until": now + lasting,
            "holder": self.name,
            "run_id": self.run_id,
        }
        with lightly(self.engine) as connection:
            rows = connection.execute(statement("ledger/units_lease"), values).fetchall()
        return [unit_id for unit_id, *_ in sorted(rows, key=lambda row: row[1:])]

    def renew(self, now: datetime, lasting: timedelta = LEASE) -> int:
        """Make all its leases last from `now` (aware) on again, and see that it shows its life; returns how many."""
        self.alive.show()
        with lightly(self.engine) as connection:
            values = {"holder": self.name, "until": now + lasting}
            return connection.execute(statement("ledger/leases_renew"), values).rowcount

    def release(self, unit_ids: Iterable[str] | None = None) -> int:
        """Give back some units, or else all that it did not ask for; returns how many."""
        values = {"holder": self.name, "unit_ids": None if unit_ids is None else list(unit_ids)}
        with lightly(self.engine) as connection:
            return connection.execute(statement("ledger/leases_release"), values).rowcount


@contextmanager
def holding(engine: sa.Engine, run_id: str) -> Iterator[Holder]:
    """A holder of leases while the block runs; at its end, however it ends, what is still leased is given back.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    name = f"{run_id}/{uuid4().hex[:12]}"
    with Alive(engine, {Living.LEASE_HOLDER: name, Living.RUN: run_id}) as alive:
        holder = Holder(engine, run_id, name, alive)
        try:
            yield holder
        finally:
            with suppress(ServiceUnavailableError):  # then its sign of life is gone as well
                holder.release()


def expire_leases(engine: sa.Engine, now: datetime) -> int:
    """Free the leases whose time is over by `now` (aware) or whose holder is gone; returns how many."""
    with lightly(engine) as connection:
        values = {"now": now, "room": Living.LEASE_HOLDER.value}
        return connection.execute(statement("ledger/leases_expire"), values).rowcount


def cancel_abandoned(engine: sa.Engine, units: Sequence[WorkUnit], now: datetime) -> int:
    """Cancel what runs that have ended planned and never asked for, beside the units of a new plan of the same source.

    No run would ever come back for them: each plans what is owed by then. Units of jobs are left alone.

    Args:
        engine: the store's.
        units: of the new plan; all of one dataset, market and source.
        now: aware.

    Returns:
        How many units were cancelled.
    """
    if not units:
        return 0
    values = {**_place(units[0]), "unit_ids": [unit.unit_id for unit in units], "room": Living.RUN.value}
    with transaction(engine) as connection, connection.cursor() as cursor:
        found = [unit_id for (unit_id,) in cursor.execute(statement("ledger/units_abandoned"), values)]
        return cancel_units(cursor, found, reason="planned by a run that ended before it asked", now=now)


def cancel_superseded(engine: sa.Engine, units: Sequence[WorkUnit], sessions: Sequence[date], now: datetime) -> int:
    """Cancel units that failed, and whose every session other units have answered since.

    Args:
        engine: the store's.
        units: that were asked for now; all of one dataset, market and source.
        sessions: of the calendar, over the span in which to look.
        now: aware.

    Returns:
        How many units were cancelled.
    """
    if not units or not sessions:
        return 0
    values = {**_place(units[0]), "sessions": list(sessions), "first": sessions[0], "last": sessions[-1]}
    with transaction(engine) as connection, connection.cursor() as cursor:
        found = [unit_id for (unit_id,) in cursor.execute(statement("ledger/units_superseded"), values)]
        return cancel_units(cursor, found, reason="other units answered its sessions", now=now)


class UnitQueue(Iterator[WorkUnit]):
    """The planned units of one load, leased few at a time in the ledger's order. One thread uses it.

    Iterating gives what can be leased. `wait` then says whether there is more: units that others gave back or lost, and
    own ones that may be tried again.
    """

    def __init__(
        self,
        holder: Holder,
        units: Iterable[WorkUnit],
        clock: Callable[[], datetime],
        size: int,
        reordered: Callable[[], bool] = lambda: False,
    ) -> None:
        """A queue over planned units.

        Args:
            holder: who leases.
            units: of the plan, in its order.
            clock: gives aware times.
            size: units leased at a time.
            reordered: asked before each unit: whether the ledger's order has changed since it was asked last.
        """
        self._holder, self._clock, self._size, self._reordered = holder, clock, size, reordered
        self._units = {unit.unit_id: unit for unit in units}
        self._ready: deque[str] = deque()
        self._renewed = clock()
        self._passed: set[str] = set()
        expire_leases(holder.engine, self._renewed)
        self._waiting = self._in_order(self._units)

    def __next__(self) -> WorkUnit:
        now = self._clock()
        if now - self._renewed > LEASE / 3:
            self._holder.renew(now)
            self._renewed = now
        if self._reordered():
            # Others may have leased what is urgent now: what was leased in the old order is free for all again.
            self._holder.release(self._ready)
            self._waiting, self._ready = self._in_order([*self._ready, *self._waiting]), deque()
        while not self._ready:
            if not self._waiting:
                raise StopIteration
            some = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
            self._ready.extend(self._holder.lease(some, len(some), now))
        unit_id = self._ready.popleft()
        self._passed.add(unit_id)
        return self._units[unit_id]

    @property
    def exhausted(self) -> bool:
        """Whether everything that could be leased was handed out."""
        return not self._ready and not self._waiting

    def wait(self, others: Callable[[int], None], *, longest: float = LONGEST_WAIT) -> bool:
        """Wait for the units that others lease; True where some can be leased again.

        Args:
            others: called with how many units others lease, if any, and when that changes.
            longest: seconds to wait at most without any of them ending.
        """
        began, before, wanted = time.monotonic(), 0, list(self._units)
        while True:
            now = self._clock()
            expire_leases(self._holder.engine, now)
            states = unit_states(self._holder.engine, wanted)
            if free := {unit_id for unit_id, state in states.items() if self._may_lease(unit_id, state, now)}:
                self._waiting = self._in_order(free)
                return True
            leased = sum(state.status is UnitStatus.LEASED for state in states.values())
            # Of the others nothing can come: they are over, or another's to try again.
            wanted = [unit_id for unit_id, state in states.items() if self._may_come(unit_id, state)]
            if leased != before:
                others(leased)
                began, before = time.monotonic(), leased
            if not leased or time.monotonic() - began > longest:
                return False
            time.sleep(POLL_SECONDS)

    def states(self) -> Mapping[str, UnitState]:
        """Where the units are, by id."""
        return unit_states(self._holder.engine, list(self._units))

    def _may_lease(self, unit_id: str, state: UnitState, now: datetime) -> bool:
        """What others failed at is theirs to try again; what is pending again was given back by somebody."""
        if state.status is UnitStatus.RETRYING:
            return unit_id in self._passed and state.not_before is not None and state.not_before <= now
        return state.status is UnitStatus.PENDING

    def _may_come(self, unit_id: str, state: UnitState) -> bool:
        mine = state.status is UnitStatus.RETRYING and unit_id in self._passed
        return mine or state.status is UnitStatus.LEASED

    def _in_order(self, unit_ids: Iterable[str]) -> deque[str]:
        # In the order of the plan, which decides between equally urgent ones.
        wanted = set(unit_ids)
        values = {"unit_ids": [unit_id for unit_id in self._units if unit_id in wanted]}
        with transaction(self._holder.engine) as connection:
            return deque(row[0] for row in connection.execute(statement("ledger/units_in_order"), values))


@contextmanager
def lightly(engine: sa.Engine) -> Iterator[psycopg.Connection]:
    """A transaction that does not wait for the disk: a server that crashes loses the leases' holders as well."""
    with transaction(engine) as connection:
        connection.execute(statement("ledger/lightly"))
        yield connection


def _place(unit: WorkUnit) -> dict[str, object]:
    return {"dataset": str(unit.dataset), "market": unit.market, "source": unit.source}
