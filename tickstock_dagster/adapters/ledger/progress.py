"""How far a run is, by its units in the ledger, and which units of a market have failed; from any process."""

from dataclasses import dataclass

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.loading.ledger import UnitStatus


@dataclass(frozen=True, slots=True)
class FailedUnits:
    """The units of a market whose last end was a failure.

    Attributes:
        retrying: how many of them are tried again by themselves.
        dead: those that are not, the newest first, one line each; a load that plans them asks once more.
    """

    retrying: int
    dead: tuple[str, ...]


def failed_units(engine: sa.Engine, market: str) -> FailedUnits:
    """Which units of a market (MIC) have failed and were not answered since."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("ledger/units_failed"), {"market": market}).fetchall()
    dead = [
        f"{dataset}: {kind} {'' if subject == '*' else f'{subject} '}{first}{'' if first == last else f'..{last}'}, "
        f"failed {failures} times in a row: {error}"
        for status, dataset, kind, subject, first, last, failures, error in rows
        if status == UnitStatus.DEAD
    ]
    return FailedUnits(len(rows) - len(dead), tuple(dead))


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Units of one run by state; `pending` ones wait or are leased, and cancelled ones do not count."""

    done: int
    retrying: int
    dead: int
    pending: int

    @property
    def ended(self) -> int:
        """Units that were asked for, well or badly."""
        return self.done + self.retrying + self.dead

    @property
    def total(self) -> int:
        """All units of the run."""
        return self.ended + self.pending


def run_progress(engine: sa.Engine, run_id: str) -> RunProgress:
    """How far a run is, by its units; works for runs of any process."""
    with transaction(engine) as connection:
        counts = dict(connection.execute(statement("ledger/run_progress"), {"run_id": run_id}).fetchall())

    def count(*statuses: UnitStatus) -> int:
        return sum(counts.get(status.value, 0) for status in statuses)

    return RunProgress(
        count(UnitStatus.DONE),
        count(UnitStatus.RETRYING),
        count(UnitStatus.DEAD),
        count(UnitStatus.PENDING, UnitStatus.LEASED),
    )
