"""What the synchronisation reads: inputs of its tasks, sessions that are due or done, the state of universes.

Nothing here writes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.membership_rows import tickers_on
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET
from tickstock_dagster.core.universes.rules import Rule
from tickstock_dagster.core.universes.synchronisation import TASKS, UniverseState


@dataclass(frozen=True, slots=True)
class UniverseCell:
    """One universe on one session.

    Attributes:
        universe: canonical name.
        session: the session.
        members: number of members.
        due: bars due for its listed members; cells with a final reason are not due.
        stored: bars stored.
        aum_usd: AUM of the funds among the members, USD; None where none is known.
        expense_ratio: their mean, a fraction; None where none is known.
        by_rule: whether a rule chooses its members.
        determined: session of the determination in force; None where there is none.
        task: the task that made it.
        rule_version: of the rule that decided; None where none did.
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


def read_states(engine: sa.Engine, session: date) -> list[UniverseState]:
    """Every universe before a session's synchronisation, the same at a second call.

    With the members of the day before, or with those that a person determined for the session itself.
    """
    with transaction(engine) as connection:
        return states_in(connection, session)


def states_in(connection: psycopg.Connection, session: date) -> list[UniverseState]:
    """The same, inside the caller's transaction."""
    values = {"session": session, "tasks": list(TASKS)}
    rows = connection.execute(statement("universes/sync_universes"), values).fetchall()
    members: dict[str, list[int]] = {}
    before = {**values, "before": session - timedelta(days=1)}
    for universe, security_id in connection.execute(statement("universes/sync_members"), before):
        members.setdefault(universe, []).append(security_id)
    listed = sorted({ticker for row in rows if not row[3] for ticker in row[4]})
    held: dict[str, int] = dict(
        connection.execute(statement("securities/tickers_held"), {"tickers": listed}).fetchall()
    )
    names = tickers_on(connection, {one for ids in members.values() for one in ids}, session)
    return [
        UniverseState(
            key,
            kind,
            category,
            dated,
            {one: names[one] for one in sorted(members.get(key, ()), key=names.__getitem__)}
            if dated
            else {held[ticker]: ticker for ticker in tickers if ticker in held},
            Rule.from_json(rule) if rule else None,
            version,
            determined,
        )
        for key, kind, category, dated, tickers, rule, version, determined in rows
    ]


def read_delisted(engine: sa.Engine, session: date) -> dict[int, date]:
    """Securities delisted on or before a session, each with its first day off the exchange."""
    with transaction(engine) as connection:
        return dict(connection.execute(statement("universes/sync_delisted"), {"session": session}).fetchall())


def read_returns(engine: sa.Engine, security_ids: Collection[int], first: date, last: date) -> dict[int, float]:
    """Total return of each security from one session to another, a fraction.

    Args:
        engine: the store's.
        security_ids: securities; those without a bar on either session are left out.
        first: the session from whose close the return counts.
        last: the session to whose close it counts.
    """
    values = {"security_ids": list(security_ids), "first": first, "last": last}
    with transaction(engine) as connection:
        return dict(connection.execute(statement("universes/sync_returns"), values).fetchall())


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """One member that joined or left: the universe, `added` or `removed`, its ticker, and why."""

    universe: str
    change: str
    ticker: str
    reason: str


def changes_of_run(engine: sa.Engine, run_id: str) -> list[LoggedChange]:
    """Who joined and left which universe by one run, in the order of writing; without seeds."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/changes_of_run"), {"run_id": run_id})
        return [LoggedChange(*row) for row in rows]


def sessions_due(engine: sa.Engine, market: str) -> list[date]:
    """Complete sessions whose universes are not synchronised yet, ascending."""
    with transaction(engine) as connection:
        return [row[0] for row in connection.execute(statement("universes/sync_due"), {"market": market})]


def read_cells(engine: sa.Engine, universes: Collection[str], sessions: Sequence[date]) -> list[UniverseCell]:
    """Some universes on some sessions, by session and universe; an unknown universe has no cell."""
    values = {"universes": list(universes), "sessions": list(sessions)}
    with transaction(engine) as connection:
        return [UniverseCell(*row) for row in connection.execute(statement("universes/sync_cells"), values)]


def sessions_done(engine: sa.Engine, market: str, first: date, last: date) -> set[date]:
    """Sessions between two days whose universes are synchronised.

    Args:
        engine: the store's.
        market: MIC of the calendar.
        first: first session included.
        last: last session included.
    """
    values = {"market": market, "first": first, "last": last}
    with transaction(engine) as connection:
        return {row[0] for row in connection.execute(statement("universes/sync_done"), values)}


def universe_keys(engine: sa.Engine) -> tuple[str, ...]:
    """Every universe but those with members of markets abroad alone: dated ones first, by type and name."""
    values = {"market": MARKET, "abroad": list(ABROAD)}
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes/sync_keys"), values))
