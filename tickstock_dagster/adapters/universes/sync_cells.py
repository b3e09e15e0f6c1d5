"""Universes on sessions as they stand: members, bars, figures, and whether and how they were determined."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement


@dataclass(frozen=True, slots=True)
class UniverseCell:
    """One universe on one session.

    Attributes:
        universe: canonical name.
        session: the session.
        members: how many members.
        due: bars that its listed members owe; those explained for good are not owed.
        stored: bars stored.
        aum_usd: AUM of the funds among the members, USD; None where none is known.
        expense_ratio: their mean, a fraction; None where none is known.
        by_rule: whether a rule chooses its members.
        determined: session of the determination in force; None where there is none.
        task: what determined it.
        rule_version: of the rule that decided.
    """

    universe: str
    session: date
    members: int
    due: int
    stored: int
    aum_usd: float | None
    expense_ratio: float | None
    by_rule: bool
    determined: date | None
    task: str | None
    rule_version: int | None

    @property
    def completeness(self) -> float | None:
        """Bars stored per bar due; None where none is due."""
        return self.stored / self.due if self.due else None


def read_cells(engine: sa.Engine, universes: Collection[str], sessions: Sequence[date]) -> list[UniverseCell]:
    """Some universes on some sessions, by session and universe; a universe that is not known has no cell."""
    values = {"universes": list(universes), "sessions": list(sessions)}
    with transaction(engine) as connection:
        return [UniverseCell(*row) for row in connection.execute(statement("universes/sync_cells"), values)]


def sessions_done(engine: sa.Engine, market: str, first: date, last: date) -> set[date]:
    """Sessions between two days whose universes were synchronised."""
    values = {"market": market, "first": first, "last": last}
    with transaction(engine) as connection:
        return {row[0] for row in connection.execute(statement("universes/sync_done"), values)}


def universe_keys(engine: sa.Engine) -> tuple[str, ...]:
    """Every universe: those determined by session first, by type and name."""
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes/sync_keys")))
