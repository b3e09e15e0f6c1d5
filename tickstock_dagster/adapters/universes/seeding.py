"""Making the universes of the catalogue: their entries, the first version of their rules, the themes' seed members.

Migrating makes them; their seeds join once a list of the vendor has told whose the tickers are. No event reports seeds:
`cache_entries` names the same symbols before and after, and nothing that a consumer knew has changed.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.etf_profile_store import seed_funds
from tickstock_dagster.adapters.universes.membership_rows import lock_memberships, write_projection
from tickstock_dagster.adapters.universes.membership_store import Determination, apply_determinations
from tickstock_dagster.adapters.universes.rules_store import write_rule
from tickstock_dagster.adapters.universes.store import lacks_shipped_universes
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.securities.etf_seed import seed_members
from tickstock_dagster.core.universes.catalogue import THEMES, ShippedUniverse, shipped_universes, theme_key
from tickstock_dagster.core.universes.memberships import ALWAYS


@dataclass(frozen=True, slots=True)
class Seeding:
    """What one call of `seed_universes` did.

    Attributes:
        made: universes that were missing.
        joined: seed members that were not members before.
        unknown: seed tickers, by theme, whose security is not known; they join once it is.
    """

    made: tuple[str, ...]
    joined: int
    unknown: Mapping[str, tuple[str, ...]]


def release_seeds() -> dict[str, tuple[str, ...]]:
    """The seed tickers of every theme, from the shipped file of funds, in their order."""
    funds = seed_funds()
    return {theme: seed_members(funds, theme) for theme in THEMES}


def seed_missing(engine: sa.Engine, *, run_id: str, now: datetime) -> tuple[str, ...]:
    """Make the universes of the release that the store lacks, as migrating does; returns their names.

    Reads one table where there is nothing to do.

    Args:
        engine: the store's.
        run_id: the Dagster run, or cli.
        now: aware.
    """
    if not lacks_shipped_universes(engine):
        return ()
    return seed_universes(engine, release_seeds(), run_id=run_id, now=now).made


def seeds_wait(engine: sa.Engine, *universes: str) -> bool:
    """Whether one of these themes (canonical names; none given: any theme) has no member yet: its seeds still wait."""
    themes = {theme_key(theme) for theme in THEMES}
    wanted = themes.intersection(universes) if universes else themes
    with transaction(engine) as connection:
        begun = connection.execute(statement("universes/seeds_joined"), {"universes": sorted(wanted)}).fetchall()
    return len(begun) < len(wanted)


def seed_universes(engine: sa.Engine, seeds: Mapping[str, Sequence[str]], *, run_id: str, now: datetime) -> Seeding:
    """Make the missing universes of the catalogue and add the themes' seeds, in one transaction.

    A theme's seeds are members on every session before the first determined one. Until there is one, `cache_entries`
    names all seeds, known or not, so that a load asks for them; whoever edits that list there decides who joins.
    Existing universes stay as they are, and one that was imported gets no seed: the same call again changes nothing.

    Args:
        engine: the store's.
        seeds: tickers by theme, in their order.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        BadInputError: `seeds` names an unknown theme, no ticker, or a ticker twice.
    """
    for theme, tickers in seeds.items():
        if theme not in THEMES:
            raise BadInputError("theme", theme, choices(theme, THEMES))
        if not tickers or len(set(tickers)) != len(tickers):
            raise BadInputError(f"seeds of {theme}", ", ".join(tickers), "at least one ticker, each once")
    made: list[str] = []
    unknown: dict[str, tuple[str, ...]] = {}
    joined = 0
    with transaction(engine) as connection:
        lock_memberships(connection)
        taken = dict(connection.execute(statement("universes/universes_names")).fetchall())
        for universe in shipped_universes():
            named = seeds.get(universe.category, ()) if universe.type == "theme" else ()
            if _make(connection, universe, named, taken, run_id, now):
                made.append(universe.key)
        for theme, tickers in seeds.items():
            added, missing = _seed(connection, theme_key(theme), tickers, run_id, now)
            joined += added
            if missing:
                unknown[theme] = missing
    return Seeding(tuple(made), joined, unknown)


def _make(
    connection: psycopg.Connection[Any],
    universe: ShippedUniverse,
    seeds: Sequence[str],
    taken: Collection[str],
    run_id: str,
    now: datetime,
) -> bool:
    values = {
        "key": universe.key,
        "type": universe.type,
        "name": universe.title,
        "value": json.dumps([*universe.tickers, *seeds]),
        "category": universe.category,
        "metadata": json.dumps({"title": universe.title}),
        "membership": universe.membership,
        # A universe that somebody made under that name keeps it.
        "aliases": [alias for alias in universe.aliases if alias not in taken],
        "now": now,
    }
    if not connection.execute(statement("universes/universe_create"), values).rowcount:
        return False
    if universe.rule:
        write_rule(connection, universe.key, universe.rule, reason="shipped with the release", run_id=run_id, now=now)
    return True


def _seed(
    connection: psycopg.Connection[Any], universe: str, tickers: Sequence[str], run_id: str, now: datetime
) -> tuple[int, tuple[str, ...]]:
    """Add a theme's seeds; returns how many joined, and the unknown tickers."""
    values = {"universe": universe, "session": ALWAYS}
    row = connection.execute(statement("universes/universe_seed_state"), values).fetchone()
    newest, seeded, imported, listed = row or (None, None, False, None)
    if imported:
        return 0, ()
    undetermined = newest in (None, ALWAYS)
    wanted = tuple(listed) if undetermined and listed else tuple(tickers)
    holders = dict(
        connection.execute(statement("universes/universe_seed_holders"), {"tickers": list(wanted)}).fetchall()
    )
    missing = tuple(ticker for ticker in wanted if ticker not in holders)
    before = list(seeded or ())
    new = [holders[ticker] for ticker in wanted if ticker in holders and holders[ticker] not in before]
    if new:
        reasons = dict.fromkeys(new, "seed of the theme")
        seeds = Determination(universe, ALWAYS, (*before, *new), "seed", reasons=reasons)
        apply_determinations(connection, [seeds], run_id=run_id, now=now)
        if undetermined:
            write_projection(connection, universe, wanted, changed=True, at=now)
    return len(new), missing
